import { expect } from 'chai';
import {
  addAssumptions,
  assumableStages,
  findAssumptions,
  findFormatAssumptions,
} from '../../../../src/guest/answers/assumptions.ts';
import { assumed as assumedFor, notInUse, type Sourced, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { contextOf, nestedContextOf, type VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import type { Stages } from '../../../../src/guest/walks/walk-each.ts';
import {
  type Access,
  type EntrySource,
  TCG,
  type Translation,
  translate,
  translateNested,
} from '../../../../src/paging/index.ts';
import { OUTCOME } from '../../../../src/paging/internal.ts';
import { nestedEntry, openEpt, openNpt, stages, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ: Access = { write: false, user: false, exec: false };
const CAUSE = { code: 'no-qom-path' } as const;
const SMAP = 1n << 21n;
const PKE = 1n << 22n;
const PKS = 1n << 24n;

const read = (value: bigint): Sourced<bigint> => sourced(value, 'gdb-stub', '');
const assumed = <T>(value: T, others?: readonly T[]): Sourced<T> => assumedFor(value, CAUSE, others);
const given = <T>(value: T): Sourced<T> => sourced(value, 'given', 'what if');

function stagesWith(state: VcpuState): Stages {
  return { context: contextOf(state), nested: nestedContextOf(state) };
}

/** What is assumed of a vCPU; which other vCPUs there are, each by what it has instead. */
type Case = readonly [what: string, state: Partial<VcpuState>, others: readonly Partial<VcpuState>[]];

const tcgLike: Partial<VcpuState> = { profile: sourced(TCG, 'given', 'tcg') };
const legacy: Partial<VcpuState> = { efer: read(0n), cr4: read(0x10n) };
const pae: Partial<VcpuState> = { efer: read(0n) };

const CASES: readonly Case[] = [
  ['nothing', {}, []],
  [
    'MAXPHYADDR',
    { maxPhyAddr: assumed(52) },
    [32, 36, 39, 40, 42, 46, 48].map((bits) => ({ maxPhyAddr: given(bits) })),
  ],
  [
    'a MAXPHYADDR that is among the others',
    { maxPhyAddr: assumed(40) },
    [32, 36, 39, 42, 46, 48].map((bits) => ({ maxPhyAddr: given(bits) })),
  ],
  ['the vendor', { vendor: assumed('intel') }, [{ vendor: given('amd') }]],
  ['the other vendor', { vendor: assumed('amd') }, [{ vendor: given('intel') }]],
  ['PSE-36', { ...legacy, pse36: assumed(true) }, [{ pse36: given(false) }]],
  ['no PSE-36', { ...legacy, pse36: assumed(false) }, [{ pse36: given(true) }]],
  ['1 GB pages', { pdpe1gb: assumed(true) }, [{ pdpe1gb: given(false) }]],
  ['no 1 GB pages', { pdpe1gb: assumed(false) }, [{ pdpe1gb: given(true) }]],
  ['the A20 gate', { a20: assumed(true) }, [{ a20: given(false) }]],
  ['a closed A20 gate', { a20: assumed(false) }, [{ a20: given(true) }]],
  ['PKRU', { cr4: read(0x20n | PKE), pkru: assumed(0) }, [{ pkru: given(0xffff_ffff) }, { pkru: given(0xaaaa_aaaa) }]],
  ['PKRU that is not in force', { pkru: assumed(0) }, []],
  ['PKRS', { cr4: read(0x20n | PKS), pkrs: assumed(0) }, [{ pkrs: given(0xffff_ffff) }, { pkrs: given(0xaaaa_aaaa) }]],
  ['PKRS that is not in force', { cr4: read(0x20n | PKE), pkrs: assumed(0) }, []],
  ['RFLAGS', { cr4: read(0x20n | SMAP), rflags: assumed(2n) }, [{ rflags: given(0x4_0002n) }]],
  ['RFLAGS with AC', { cr4: read(0x20n | SMAP), rflags: assumed(0x4_0002n) }, [{ rflags: given(2n) }]],
  ['the CPL, where AC is honoured', { ...tcgLike, rflags: read(0x4_0002n), cpl: assumed(0) }, [{ cpl: given(3) }]],
  ['the CPL of users', { ...tcgLike, rflags: read(0x4_0002n), cpl: assumed(3) }, [{ cpl: given(0) }]],
  ['a CPL that judges nothing', { cpl: assumed(0) }, []],
  ['what runs the guest', { ...pae, accelerator: assumed('kvm') }, [{ accelerator: given('tcg') }]],
  ['that TCG runs the guest', { ...pae, accelerator: assumed('tcg') }, [{ accelerator: given('kvm') }]],
  [
    'CR4, of which its source says what else it may be',
    { cr4: assumed(0x20n, [0x20n | SMAP, 0x20n, 0x20n | PKE]) },
    [{ cr4: given(0x20n | SMAP) }],
  ],
  ['EFER of which nothing is said', { efer: assumed(0xd00n) }, []],
  ['PDPTEs, and a second stage', { pdptes: assumed(null), nested: assumed(null) }, []],
  ['two values', { a20: assumed(true), pdpe1gb: assumed(true) }, [{ a20: given(false) }, { pdpe1gb: given(false) }]],
];

describe('the vCPUs whose walks tell whether something assumed decides an answer', () => {
  for (const [what, state, others] of CASES) {
    it(`are those that differ: ${what}`, () => {
      const own = vcpuStateWith(state);
      const found = assumableStages(own);
      const expected = others.map((other) => stagesWith({ ...own, ...other }));
      expect(found).to.have.length(expected.length);
      // In the order in which the values stand in the state.
      for (const each of expected) expect(found).to.deep.include(each);
      expect(found).not.to.deep.include(stagesWith(own));
    });

    it(`walk each address once more: ${what}`, async () => {
      const own = vcpuStateWith(state);
      const walked: Stages[] = [];
      const table = new TranslationTable(1, contextOf(own));
      await addAssumptions(table, own, async (each) => {
        walked.push(each);
        return new TranslationTable(1, each.context);
      });
      expect(walked).to.deep.equal(assumableStages(own));
    });
  }

  it('have the second stage that the value makes: SMEP of the hypervisor', () => {
    const host = { ...HAND_MADE_HOST, efer: 0x500n };
    const own = nestedVcpuStateWith({ hypervisorSmep: assumed(false) }, host);
    const other = { ...own, hypervisorSmep: given(true) };
    expect(assumableStages(own)).to.deep.equal([stagesWith(other)]);
    expect(assumableStages({ ...own, hypervisorSmep: assumed(true) })).to.deep.equal([
      stagesWith({ ...own, hypervisorSmep: given(false) }),
    ]);
  });

  it('are compared by all that they are made of, PDPTEs that registers hold among it', () => {
    const pdptes = sourced([0x2001n, 0n, 0n, 0n] as const, 'device-state', '');
    // In PAE paging there is no PSE-36, nor are there pages of 1 GB.
    expect(
      assumableStages(vcpuStateWith({ ...pae, pdptes, pse36: assumed(true), pdpe1gb: assumed(true) })),
    ).to.deep.equal([]);
    const narrow = assumableStages(vcpuStateWith({ ...pae, pdptes, maxPhyAddr: assumed(46) }));
    expect(narrow).to.have.length(6);
  });

  it('have none where there could not be such a second stage, also where nothing else differs', () => {
    const nested = sourced({ kind: 'ept', eptp: 0x80_0001_001en } as const, 'given', 'the request');
    const off = { cr0: read(0x11n), maxPhyAddr: assumed(52), nested };
    const found = assumableStages(nestedVcpuStateWith(off));
    expect(found.slice(0, 3).map((each) => each.nested)).to.deep.equal([null, null, null]);
    expect(found.map((each) => each.context.levels)).to.deep.equal(found.map(() => []));
    // And the other way round: others could have it.
    const others = assumableStages(nestedVcpuStateWith({ ...off, maxPhyAddr: assumed(36) }));
    expect(others.map((each) => each.nested === null)).to.deep.equal([false, false, false, false]);
  });

  it('have none where there could not be such a second stage', () => {
    const nested = sourced({ kind: 'ept', eptp: 0x80_0001_001en } as const, 'given', 'the request');
    const found = assumableStages(nestedVcpuStateWith({ maxPhyAddr: assumed(52), nested }));
    expect(found.map((each) => each.nested !== null)).to.deep.equal([false, false, false, true, true, true, true]);
  });
});

describe('what each assumption decides', () => {
  const tables = (entries: Readonly<Record<number, bigint>>): EntrySource => ({
    readEntry: (address) => entries[Number(address)] ?? null,
  });
  const page = (pte: bigint): EntrySource => tables({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n, 16384: pte });

  function ask(replaced: Partial<VcpuState>, memory: EntrySource, access = READ): string {
    const state = vcpuStateWith(replaced);
    const found = findAssumptions(state, translate(contextOf(state), memory, 0n, access));
    for (const { cause } of found) expect(cause).to.equal(CAUSE);
    return found.map(({ name, value, decides }) => `${name} ${value} ${decides}`).join();
  }

  it('AC, where supervisors reach for pages of users', () => {
    const smap = { cr4: read(0x20n | SMAP), rflags: assumed(2n) };
    expect(ask(smap, page(0x5007n))).to.equal('rflags 2 true');
    expect(ask(smap, page(0x5003n)), 'a page of supervisors').to.equal('');
    expect(ask(smap, page(0x5007n), { ...READ, user: true }), 'users').to.equal('');
    expect(ask({ rflags: assumed(2n) }, page(0x5007n)), 'without SMAP').to.equal('');
    expect(ask({ ...smap, rflags: assumed(0x4_0002n) }, page(0x5007n))).to.equal('rflags 262146 true');
  });

  it('the A20 gate, where bit 20 of an address is set', () => {
    expect(ask({ a20: assumed(true) }, page(0x10_5007n))).to.equal('a20 true true');
    expect(ask({ a20: assumed(true) }, page(0x20_5007n))).to.equal('');
    expect(ask({ a20: assumed(false) }, page(0x10_5007n))).to.equal('a20 false true');
  });

  it('PKRU and PKRS, by whose page it is, and which access', () => {
    const keys = { cr4: read(0x20n | PKE | PKS), pkru: assumed(0), pkrs: assumed(0) };
    expect(ask(keys, page(0x5007n))).to.equal('pkru 0 true,pkrs 0 false');
    expect(ask(keys, page(0x5003n))).to.equal('pkru 0 false,pkrs 0 true');
    expect(ask(keys, page(0x5003n), { ...READ, exec: true })).to.equal('pkru 0 false,pkrs 0 false');
    expect(ask(keys, page(0n))).to.equal('pkru 0 false,pkrs 0 false');
    // Write-disable without access-disable: only 0xaaaa_aaaa differs from a register that denies every access.
    const denied = { ...keys, pkru: assumed(0xffff_ffff), pkrs: assumed(0xffff_ffff) };
    expect(ask(denied, page(0x5007n))).to.equal('pkru 4294967295 true,pkrs 4294967295 false');
  });

  it('CR4 by what else it may be', () => {
    expect(ask({ cr4: assumed(0x20n, [0x20n | SMAP]) }, page(0x5007n))).to.equal('cr4 32 true');
    expect(ask({ cr4: assumed(0x20n, [0x20n | SMAP]) }, page(0x5003n))).to.equal('cr4 32 false');
    expect(ask({ cr4: assumed(0x20n) }, page(0x5007n)), 'where nothing is said').to.equal('cr4 32 false');
  });

  it('SMEP of the hypervisor, where a fetch is refused, and an EPT pointer that is none', () => {
    const host = { ...HAND_MADE_HOST, efer: 0x500n };
    const state = nestedVcpuStateWith({ hypervisorSmep: assumed(false) }, host);
    const fetch = { ...READ, exec: true };
    for (const [access, changes, decides] of [
      [fetch, { [nestedEntry.ofData]: 0n }, true],
      [READ, { [nestedEntry.ofData]: 0n }, false],
      [fetch, {}, false],
    ] as const) {
      const nested = nestedContextOf(state);
      if (nested === null) throw new Error('there is no second stage');
      const both = translateNested(contextOf(state), nested, stages(openNpt, changes), twoStageLinear, access);
      const first = both.kind === 'nested-fault' ? both.walks[0]?.translation : both.guest;
      if (first === undefined) throw new Error('there is no walk');
      // Of the first stage only the access counts.
      expect(findAssumptions(state, { ...first, access } as Translation, both)).to.deep.equal([
        { name: 'hypervisorSmep', value: false, cause: CAUSE, decides },
      ]);
    }
    const ept = sourced({ kind: 'ept', eptp: 0x1_001en } as const, 'given', 'the request');
    const withEpt = nestedVcpuStateWith({ maxPhyAddr: assumed(40), nested: ept });
    const nested = nestedContextOf(withEpt);
    if (nested === null) throw new Error('there is no second stage');
    const both = translateNested(contextOf(withEpt), nested, stages(openEpt), twoStageLinear, READ);
    if (both.kind !== 'mapped') throw new Error(both.kind);
    expect(findAssumptions(withEpt, both.guest, both)).to.deep.equal([
      { name: 'maxPhyAddr', value: 40, cause: CAUSE, decides: false },
    ]);
  });

  it('PDPTE registers and a second stage by whether a table is looked at, of one address as of many', async () => {
    const paging = { pdptes: assumed(null), nested: assumed(null) };
    const state = vcpuStateWith(paging);
    const lass = vcpuStateWith({ ...paging, cr4: read(0x20n | SMAP | (1n << 27n)) });
    const outOfRange = vcpuStateWith({ ...paging, ...legacy });
    for (const [name, asked, address, access, isWalked] of [
      ['mapped', state, 0n, READ, true],
      ['not present', state, 0x1000n, READ, true],
      ['no memory', state, 1n << 39n, READ, true],
      ['not canonical', state, 1n << 50n, READ, false],
      ['LASS', lass, 0n, READ, false],
      ['LASS, for users', lass, 0n, { ...READ, user: true }, true],
      ['beyond 32 bits', outOfRange, 1n << 32n, READ, false],
    ] as const) {
      const memory = tables({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n, 16384: 0x5007n, 16392: 0n });
      const translation = translate(contextOf(asked), memory, address, access);
      const expected = [
        { name: 'pdptes', value: null, cause: CAUSE, decides: isWalked },
        { name: 'nested', value: null, cause: CAUSE, decides: isWalked },
      ];
      expect(findAssumptions(asked, translation), name).to.deep.equal(expected);
    }
    const outcomes = [
      ...([OUTCOME.mapped, OUTCOME.notPresent, OUTCOME.reserved, OUTCOME.denied, OUTCOME.unbacked] as const),
      ...([OUTCOME.nonCanonical, OUTCOME.outOfRange, OUTCOME.separated] as const),
    ];
    const table = new TranslationTable(outcomes.length, contextOf(state));
    table.columns.outcomes.set(outcomes);
    await addAssumptions(table, state, () => Promise.reject(new Error('no walk is made for these')));
    for (const at of outcomes.keys()) {
      expect(table.assumed(at)).to.deep.equal([
        { name: 'pdptes', value: null, cause: CAUSE, decides: at < 5 },
        { name: 'nested', value: null, cause: CAUSE, decides: at < 5 },
      ]);
    }
  });
});

describe('what the shape of an address space rests on', () => {
  it('is everything that was assumed but for what only an access is judged by', () => {
    const everything: Partial<VcpuState> = {
      cr0: assumed(0x8001_0011n),
      cr4: assumed(0x20n),
      efer: assumed(0xd00n),
      rflags: assumed(2n),
      cpl: assumed(0),
      a20: assumed(true),
      pkru: assumed(0),
      pkrs: assumed(0),
      pdptes: assumed([1n, 2n, 3n, 4n]),
      nested: assumed(null),
      hypervisorSmep: assumed(false),
      accelerator: assumed('kvm'),
      maxPhyAddr: assumed(52),
      vendor: assumed('intel'),
      pse36: assumed(true),
      pdpe1gb: assumed(false),
      // Not of those that a walk depends on.
      cs: assumed(0n),
      ss: assumed(0n),
    };
    const decides = { cause: CAUSE, decides: true };
    expect(findFormatAssumptions(vcpuStateWith(everything))).to.have.deep.members([
      { name: 'cr0', value: 0x8001_0011, ...decides },
      { name: 'cr4', value: 0x20, ...decides },
      { name: 'efer', value: 0xd00, ...decides },
      { name: 'a20', value: true, ...decides },
      { name: 'pdptes', value: null, ...decides },
      { name: 'nested', value: null, ...decides },
      { name: 'maxPhyAddr', value: 52, ...decides },
      { name: 'vendor', value: 'intel', ...decides },
      { name: 'pse36', value: true, ...decides },
      { name: 'pdpe1gb', value: false, ...decides },
    ]);
    expect(findFormatAssumptions(vcpuStateWith())).to.deep.equal([]);
    const unused = vcpuStateWith({ nested: notInUse(null, { code: 'svm-off' }), maxPhyAddr: given(52) });
    expect(findFormatAssumptions(unused)).to.deep.equal([]);
  });
});

describe('many answers rest on an assumption', () => {
  for (const different of [
    { call: 1, row: 0 },
    { call: 2, row: 1 },
    { call: 5, row: 2 },
  ]) {
    it(`each where another vCPU would answer otherwise: ${different.row}`, async () => {
      const state = vcpuStateWith({ maxPhyAddr: assumed(48), rflags: assumed(2n) });
      const table = new TranslationTable(3, contextOf(state));
      table.columns.physical.set([1, 2, 3]);
      let at = 0;
      await addAssumptions(table, state, async ({ context }) => {
        const other = new TranslationTable(3, context);
        other.columns.physical.set([1, 2, 3]);
        // Only one of the others has another answer to an address.
        if (at === different.call) other.columns.physical[different.row] = 7;
        at += 1;
        return other;
      });
      expect([0, 1, 2].map((row) => table.assumed(row))).to.deep.equal(
        [0, 1, 2]
          .map((row) => row === different.row)
          .map((decides) => [{ name: 'maxPhyAddr', value: 48, cause: CAUSE, decides }]),
      );
    });
  }

  it('all of them where the second stage would be none, for which no walk is made', async () => {
    const nested = sourced({ kind: 'ept', eptp: 0x80_0001_001en } as const, 'given', 'the request');
    const state = nestedVcpuStateWith({ maxPhyAddr: assumed(52), nested });
    const table = new TranslationTable(2, contextOf(state), true);
    let walks = 0;
    await addAssumptions(table, state, async ({ context }) => {
      walks += 1;
      return new TranslationTable(2, context, true);
    });
    // 32, 36 and 39 bits are too few for the pointer.
    expect(walks).to.equal(4);
    expect([0, 1].map((row) => table.assumed(row).map(({ decides }) => decides))).to.deep.equal([[true], [true]]);
  });
});
