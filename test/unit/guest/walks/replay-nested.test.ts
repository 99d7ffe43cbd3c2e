import { expect } from 'chai';
import { findRomEntries } from '../../../../src/guest/answers/rom-entries.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { isUnbacked, retranslateNested } from '../../../../src/guest/walks/retranslate-nested.ts';
import {
  createContext,
  createNpt,
  type EntrySource,
  type NestedContext,
  type NestedTranslation,
  type PagingContext,
  TCG,
  translateNested,
} from '../../../../src/paging/index.ts';
import {
  guestEntry,
  nestedEntry,
  openNpt,
  stages,
  twoStageLinear,
} from '../../../support/builders/hand-made-stages.ts';
import { region } from '../../../support/fakes/region.ts';

const READ = { write: false, user: false, exec: false };
const REGISTERS = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const AMD = { maxPhyAddr: 40, vendor: 'amd' } as const;
const NOWHERE = 0x7f_0000_0000n;

interface Stages {
  readonly guest: PagingContext;
  readonly nested: NestedContext;
}

function contexts(
  features: { readonly maxPhyAddr: number; readonly profile?: typeof TCG } = AMD,
  cr3 = 0x1000n,
): Stages {
  const all = { ...AMD, ...features };
  const { cr0, cr4, efer } = REGISTERS;
  return {
    guest: createContext({ ...REGISTERS, cr3 }, all),
    nested: createNpt({ cr0, cr4, efer, nestedCr3: 0x1_0000n }, all),
  };
}

function answer({ guest, nested }: Stages, memory: EntrySource, access = READ): NestedTranslation {
  return translateNested(guest, nested, memory, twoStageLinear, access);
}

/** How an access can end, with the kind of the answer, and whether a table is in no memory. */
const ENDINGS: Readonly<
  Record<string, readonly [NestedTranslation['kind'], boolean, Readonly<Record<string, bigint>>]>
> = {
  'a page': ['mapped', false, {}],
  'no page in the guest': ['guest-fault', false, { [guestEntry.pte]: 0n }],
  'no PD in the guest': ['guest-fault', false, { [guestEntry.pdpte]: 0n }],
  'a reserved bit in the guest': ['guest-fault', false, { [guestEntry.pde]: 0x8_0000_0000_4027n }],
  'a page that is refused': ['nested-fault', false, { [nestedEntry.ofData]: 0n }],
  'a table that is refused': ['nested-fault', false, { [nestedEntry.ofPd]: 0n }],
  'the root refused': ['nested-fault', false, { [nestedEntry.ofPml4]: 0n }],
  'everything refused': ['nested-fault', false, { [nestedEntry.pml4e]: 0n }],
  'a table of the guest in no memory': ['nested-fault', true, { [nestedEntry.ofPd]: NOWHERE | 7n }],
  'a table of the second stage in no memory': ['nested-fault', true, { [nestedEntry.pde]: NOWHERE | 7n }],
};

describe('retranslateNested', () => {
  for (const [name, [kind, lacksTable, changes]] of Object.entries(ENDINGS)) {
    it(`comes to the same by the same contexts: ${name}`, () => {
      const stage = contexts();
      const first = answer(stage, stages(openNpt, changes));
      expect(first.kind).to.equal(kind);
      expect(isUnbacked(first)).to.equal(lacksTable);
      expect(retranslateNested(stage.guest, stage.nested, first, READ)).to.deep.equal(first);
    });

    it(`comes to the same where more address bits are no address bits: ${name}`, () => {
      const narrow = contexts({ maxPhyAddr: 39 });
      const memory = stages(openNpt, changes);
      const first = answer(contexts(), memory);
      expect(retranslateNested(narrow.guest, narrow.nested, first, READ)).to.deep.equal(answer(narrow, memory));
    });

    it(`comes to nothing where other entries are wanted: ${name}`, () => {
      const first = answer(contexts(), stages(openNpt, changes));
      const { guest, nested } = contexts(AMD, 0x2000n);
      // Where the second stage lets no table through, it is not asked for one.
      const isAsked = ['the root refused', 'everything refused'].includes(name);
      if (!isAsked) expect(retranslateNested(guest, nested, first, READ)).to.equal(undefined);
    });
  }

  it('knows where no memory was found, also where that is an entry that is not present to the guest', () => {
    // QEMU reads zeros there.
    const tcg = contexts({ maxPhyAddr: 40, profile: TCG });
    const memory = stages(openNpt, { [nestedEntry.ofPd]: NOWHERE | 7n });
    const first = answer(tcg, memory);
    expect(first.kind).to.equal('guest-fault');
    expect(isUnbacked(first)).to.equal(true);
    expect(retranslateNested(tcg.guest, tcg.nested, first, READ)).to.deep.equal(first);
    const architecture = contexts();
    expect(retranslateNested(architecture.guest, architecture.nested, first, READ)).to.deep.equal(
      answer(architecture, memory),
    );
  });

  it('judges the access that it is given', () => {
    const stage = contexts();
    const memory = stages(openNpt, { [nestedEntry.ofData]: 0x2_5005n });
    const first = answer(stage, memory);
    const write = { ...READ, write: true };
    expect(retranslateNested(stage.guest, stage.nested, first, write)).to.deep.equal(answer(stage, memory, write));
    expect(answer(stage, memory, write).kind).to.equal('nested-fault');
  });

  it('has no entry for a PDPTE that came from its register', () => {
    const pae = { ...REGISTERS, efer: 0x800n, pdptes: [0x3001n, 0n, 0n, 0n] as const };
    const guest = createContext(pae, AMD);
    const { nested } = contexts();
    // Linear 0x1abc: PD entry 0 at L2 physical 0x3000, PT entry 1 at 0x4008.
    const memory = stages(openNpt, { '0x23000': 0x4027n, '0x24008': 0x5067n });
    const first = translateNested(guest, nested, memory, 0x1abcn, READ);
    expect(first).to.include({ kind: 'mapped', l2PhysicalAddress: 0x5abcn, l1PhysicalAddress: 0x2_5abcn });
    expect(retranslateNested(guest, nested, first, READ)).to.deep.equal(first);
    const { nested: narrow } = contexts({ maxPhyAddr: 36 });
    expect(retranslateNested(guest, narrow, first, READ)).to.deep.equal(first);
    // Where the registers are unknown their place in memory is read, and was not seen.
    const unlatched = createContext({ ...pae, pdptes: undefined } as never, AMD);
    expect(retranslateNested(unlatched, nested, first, READ)).to.equal(undefined);
    // At the register's own address lies ROM, and no entry of the walk does.
    const map = new MemoryMap([region('rom', 0n, 0x1fffn), region('ram', 0x2000n, 0xf_ffffn)]);
    if (first.kind !== 'mapped') throw new Error(first.kind);
    expect(findRomEntries(map, first.guest, first)).to.deep.equal([]);
  });
});
