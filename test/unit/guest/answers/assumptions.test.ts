import { expect } from 'chai';
import { addAssumptions, findAssumptions } from '../../../../src/guest/answers/assumptions.ts';
import type { Assumption } from '../../../../src/guest/vcpu/assumption.ts';
import { assumed as assumedFor, type Sourced, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { contextOf, type VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { type Access, type EntrySource, translate } from '../../../../src/paging/index.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ: Access = { write: false, user: true, exec: false };
const PKE = 1n << 22n;

/** Entries by address; there is no other memory. */
function tables(entries: Readonly<Record<number, bigint>>): EntrySource {
  return { readEntry: (address) => entries[Number(address)] ?? null };
}

/** A page at linear address 0 whose entries are these, from the top. */
function page(pml4e: bigint, pdpte: bigint, pde: bigint, pte: bigint): EntrySource {
  return tables({ 4096: pml4e, 8192: pdpte, 12288: pde, 16384: pte });
}

const PLAIN = page(0x2007n, 0x3007n, 0x4007n, 0x5007n);

const UNTOLD = { code: 'no-qom-path' } as const;

function assumed<T>(value: T): Sourced<T> {
  return assumedFor(value, UNTOLD);
}

function ask(replaced: Partial<VcpuState>, memory: EntrySource = PLAIN, access = READ): Assumption[] {
  const state = vcpuStateWith(replaced);
  return findAssumptions(state, translate(contextOf(state), memory, 0n, access));
}

/** What is to be said of a value that `assumed` made. */
function saying(name: Assumption['name'], value: Assumption['value'], decides: boolean): Assumption {
  return { name, value, cause: UNTOLD, decides };
}

describe('what an answer rests on that was unavailable', () => {
  it('is nothing when everything was known', () => {
    expect(ask({})).to.deep.equal([]);
  });

  it('says what was assumed, why, and whether it matters', () => {
    expect(ask({ maxPhyAddr: assumed(52) })).to.deep.equal([saying('maxPhyAddr', 52, false)]);
    const high = page(0x2007n, 0x3007n, 0x4007n, 0x80_0000_5007n);
    expect(ask({ maxPhyAddr: assumed(52) }, high), 'bit 39 may be reserved').to.deep.equal([
      saying('maxPhyAddr', 52, true),
    ]);
  });

  it('knows that keys matter to pages that users may reach, and only while they are in force', () => {
    const cr4 = sourced(0x20n | PKE, 'gdb-stub', '');
    expect(ask({ cr4, pkru: assumed(0) })).to.deep.equal([saying('pkru', 0, true)]);
    expect(ask({ pkru: assumed(0) })).to.deep.equal([saying('pkru', 0, false)]);
    expect(ask({ cr4, pkru: assumed(0) }, PLAIN, { ...READ, exec: true }), 'fetches have no key').to.deep.equal([
      saying('pkru', 0, false),
    ]);
    const absent = page(0x2007n, 0x3007n, 0x4007n, 0n);
    expect(ask({ cr4, pkru: assumed(0) }, absent)).to.deep.equal([saying('pkru', 0, false)]);
  });

  it('tries the other vendor where manuals differ', () => {
    expect(ask({ vendor: assumed('intel') })).to.deep.equal([saying('vendor', 'intel', false)]);
    const bit8 = page(0x2107n, 0x3007n, 0x4007n, 0x5007n);
    expect(ask({ vendor: assumed('intel') }, bit8)).to.deep.equal([saying('vendor', 'intel', true)]);
  });

  it('counts a walk that would read other entries as another outcome', () => {
    // Without 1 GB pages PS in a PDPTE is reserved.
    const large = page(0x2007n, 0x87n, 0n, 0n);
    expect(ask({ pdpe1gb: assumed(true) }, large)).to.deep.equal([saying('pdpe1gb', true, true)]);
    expect(ask({ pdpe1gb: assumed(true) })).to.deep.equal([saying('pdpe1gb', true, false)]);
    const legacy = { efer: sourced(0n, 'gdb-stub', ''), cr4: sourced(0x10n, 'gdb-stub', '') } as const;
    const page4m = tables({ 4096: 0x2087n });
    expect(ask({ ...legacy, pse36: assumed(true) }, page4m)).to.deep.equal([saying('pse36', true, true)]);
  });

  it('keeps a table that no memory holds as unbacked, in every alternative', () => {
    const unbacked = tables({ 4096: 0x2007n });
    expect(ask({ vendor: assumed('intel'), maxPhyAddr: assumed(52) }, unbacked)).to.deep.equal([
      saying('maxPhyAddr', 52, false),
      saying('vendor', 'intel', false),
    ]);
  });

  it('PDPTE registers can have held anything', () => {
    const pae = { efer: sourced(0n, 'gdb-stub', ''), pdptes: assumed(null) } as const;
    expect(ask(pae, tables({ 4096: 0x2001n, 8192: 0x3007n, 12288: 0x4007n }))).to.deep.equal([
      saying('pdptes', null, true),
    ]);
  });

  it('an address that no walk is made for depends on no table, and so on neither PDPTE registers nor a second stage', () => {
    const state = { pdptes: assumed(null), nested: assumed(null) } as const;
    const asked = findAssumptions(
      vcpuStateWith(state),
      translate(contextOf(vcpuStateWith(state)), PLAIN, 1n << 50n, READ),
    );
    expect(asked).to.deep.equal([saying('pdptes', null, false), saying('nested', null, false)]);
    expect(ask({ nested: assumed(null) }, tables({})), 'a root in no memory').to.deep.equal([
      saying('nested', null, true),
    ]);
  });

  it('does not take what was given for an assumption', () => {
    expect(ask({ maxPhyAddr: sourced(36, 'given', '--set') })).to.deep.equal([]);
  });
});

describe('what many answers rest on', () => {
  /** How often all the walks are made once more. */
  async function passes(replaced: Partial<VcpuState>): Promise<number> {
    const state = vcpuStateWith(replaced);
    const table = new TranslationTable(1, contextOf(state));
    let count = 0;
    await addAssumptions(table, state, (stages) => {
      count += 1;
      return Promise.resolve(new TranslationTable(1, stages.context));
    });
    return count;
  }

  it('takes walks only by what may judge otherwise', async () => {
    const cr4 = sourced(0x20n | PKE, 'gdb-stub', '');
    expect(await passes({})).to.equal(0);
    expect(await passes({ a20: assumed(true) }), 'masked').to.equal(1);
    expect(await passes({ cpl: assumed(0) }), 'no processor of the manuals asks for it').to.equal(0);
    expect(await passes({ pkru: assumed(0) }), 'no keys are in force').to.equal(0);
    expect(await passes({ pkru: assumed(0), cr4 })).to.equal(2);
  });
});
