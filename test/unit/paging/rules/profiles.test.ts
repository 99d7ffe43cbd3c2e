import { expect } from 'chai';
import {
  type Access,
  AMD,
  afterTcg,
  createContext,
  type EntrySource,
  INTEL,
  KVM,
  type PagingRegisters,
  type Profile,
  TCG,
  tcgProfile,
  translate,
} from '../../../../src/paging/index.ts';
import { entryMap, fourLevels } from '../../../support/builders/entry-map.ts';

const LONG: PagingRegisters = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const PAE: PagingRegisters = { ...LONG, efer: 0n };
const LEGACY: PagingRegisters = { ...LONG, cr4: 0x10n, efer: 0n };
const READ: Access = { write: false, user: false, exec: false };
const NON_CANONICAL = 0x5000_0000_0000_0000n;

interface Question {
  readonly registers?: PagingRegisters;
  readonly memory: EntrySource;
  readonly address?: bigint;
  readonly access?: Access;
  readonly features?: { readonly vendor?: 'intel' | 'amd'; readonly pdpe1gb?: boolean; readonly maxPhyAddr?: number };
}

/** The outcome in a word: where it leads, or the cause with vector and error code. */
function outcome(profile: Profile, { registers = LONG, memory, address = 0n, access = READ, features }: Question) {
  const context = createContext(registers, { maxPhyAddr: 46, ...features, profile });
  const answer = translate(context, memory, address, access);
  if (answer.kind === 'mapped') return `0x${answer.physicalAddress.toString(16)}`;
  return `${answer.cause} ${answer.vector}/${answer.errorCode}`;
}

const BIT_8 = fourLevels(0x2107n, 0x3007n, 0x4007n, 0x5007n);
const KVM_ON_AMD = { vendor: 'amd' } as const;

/** One row for each thing that the machines do differently: intel, amd, kvm, tcg. */
const DIFFERENCES: readonly [title: string, Question, intel: string, amd: string, kvm: string, tcg: string][] = [
  ['bit 8 of a PML4E', { memory: BIT_8 }, '0x5000', 'reserved-bits 14/9', '0x5000', '0x5000'],
  [
    'bit 8 of a PML4E, on a guest whose vendor is AMD',
    { memory: BIT_8, features: KVM_ON_AMD },
    '0x5000',
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    '0x5000',
  ],
  [
    'the P bit of a reserved-bit fault',
    { memory: fourLevels(0x8_0000_0000_2007n) },
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    'reserved-bits 14/8',
  ],
  [
    'a 1 GB page without the feature',
    { memory: fourLevels(0x2007n, 0x4000_0087n), features: { pdpe1gb: false } },
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    '0x40000000',
  ],
  [
    'reserved bits of a PAE PDPTE',
    { registers: PAE, memory: entryMap({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n }) },
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    '0x4000',
  ],
  [
    'address bit 36 of a 4 MB page',
    { registers: LEGACY, memory: entryMap({ 4096: 0x2_0087n }) },
    '0x1000000000',
    '0x1000000000',
    'reserved-bits 14/9',
    '0x1000000000',
  ],
  [
    'address bit 36 of a 4 MB page, of 36-bit physical addresses',
    { registers: LEGACY, memory: entryMap({ 4096: 0x2_0087n }), features: { maxPhyAddr: 36 } },
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    'reserved-bits 14/9',
    '0x1000000000',
  ],
  [
    'a fetch with NXE and without PAE',
    { registers: { ...LEGACY, efer: 0x800n }, memory: entryMap({ 4096: 0n }), access: { ...READ, exec: true } },
    'not-present 14/0',
    'not-present 14/0',
    'not-present 14/16',
    'not-present 14/0',
  ],
  ...[READ, { ...READ, write: true }].map(({ write }): (typeof DIFFERENCES)[number] => {
    const registers = { ...LONG, cr4: 0x100_0020n, pkrs: 1 };
    const memory = fourLevels(0x2003n, 0x3003n, 0x4003n, 0x5003n);
    const reported = `privilege-violation 14/${write ? 0x27 : 0x25}`;
    return [
      `a user ${write ? 'write' : 'read'} of a supervisor page whose key PKRS denies`,
      { registers, memory, access: { ...READ, user: true, write } },
      reported,
      reported,
      reported,
      `privilege-violation 14/${write ? 7 : 5}`,
    ];
  }),
  [
    'an implicit access to a user page, SMAP and AC',
    {
      registers: { ...LONG, cr4: 0x20_0020n, rflags: 1n << 18n },
      memory: fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n),
      access: { ...READ, implicit: true },
    },
    'privilege-violation 14/1',
    'privilege-violation 14/1',
    'privilege-violation 14/1',
    '0x5000',
  ],
  [
    'the same at CPL 3, where AC is the user’s',
    {
      registers: { ...LONG, cr4: 0x20_0020n, rflags: 1n << 18n, cpl: 3 },
      memory: fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n),
      access: { ...READ, implicit: true },
    },
    'privilege-violation 14/1',
    'privilege-violation 14/1',
    'privilege-violation 14/1',
    'privilege-violation 14/1',
  ],
  [
    'an address that is not canonical',
    { memory: entryMap({ 4096: 0n }), address: NON_CANONICAL },
    'non-canonical 13/0',
    'non-canonical 13/0',
    'not-present 14/0',
    'non-canonical 13/0',
  ],
  [
    'the same, relative to SS',
    { memory: entryMap({ 4096: 0n }), address: NON_CANONICAL, access: { ...READ, segment: 'ss' } },
    'non-canonical 12/0',
    'non-canonical 12/0',
    'not-present 14/0',
    'non-canonical 13/0',
  ],
  [
    'a table that no memory holds',
    { memory: entryMap({}) },
    'unbacked-table 14/null',
    'unbacked-table 14/null',
    'unbacked-table 14/0',
    'unbacked-table 14/0',
  ],
  [
    'a tag on a user pointer (LAM_U57)',
    {
      registers: { ...LONG, cr3: 0x2000_0000_0000_1000n },
      memory: fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n),
      address: 0x7e00_0000_0000_0000n,
    },
    '0x5000',
    'non-canonical 13/0',
    '0x5000',
    'non-canonical 13/0',
  ],
  [
    'a tag on a pointer (EFER.UAIE)',
    {
      registers: { ...LONG, efer: 0x10_0d00n },
      memory: fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n),
      address: 0x7e00_0000_0000_0000n,
    },
    'non-canonical 13/0',
    '0x5000',
    '0x5000',
    'non-canonical 13/0',
  ],
  [
    "the supervisor's half, from user mode (LASS)",
    {
      registers: { ...LONG, cr4: 0x800_0020n },
      memory: entryMap({ 6144: 0n }),
      address: 0xffff_8000_0000_0000n,
      access: { ...READ, user: true },
    },
    'lass 13/0',
    'lass 13/0',
    'lass 13/0',
    'not-present 14/4',
  ],
];

describe('where the machines differ', () => {
  for (const [title, question, ...expected] of DIFFERENCES) {
    it(title, () => {
      const outcomes = [INTEL, AMD, KVM, TCG].map((profile) => outcome(profile, question));
      expect(outcomes).to.deep.equal(expected);
    });
  }

  it('without a profile the vendor’s manual holds', () => {
    const of = (vendor?: 'intel' | 'amd') =>
      createContext(LONG, vendor === undefined ? { maxPhyAddr: 46 } : { maxPhyAddr: 46, vendor }).profile.name;
    expect([of(), of('intel'), of('amd')]).to.deep.equal(['intel', 'intel', 'amd']);
  });

  it('each QEMU has its own TCG', () => {
    const of = (major: number, minor: number, micro: number) => {
      const { nonCanonicalSetsCr2, legacyRootBits, name } = tcgProfile([major, minor, micro]);
      return `${name} ${nonCanonicalSetsCr2 ? 'CR2' : '-'} ${legacyRootBits}`;
    };
    expect(of(7, 0, 0)).to.equal('tcg CR2 64');
    expect(of(7, 2, 9)).to.equal('tcg CR2 64');
    expect(of(7, 2, 10)).to.equal('tcg CR2 32');
    expect(of(7, 2, 21)).to.equal('tcg CR2 32');
    expect(of(7, 2, 22)).to.equal('tcg - 32');
    expect(of(8, 2, 0)).to.equal('tcg CR2 32');
    expect(of(10, 0, 2)).to.equal('tcg CR2 32');
    expect(of(10, 0, 13)).to.equal('tcg - 32');
    expect(of(10, 1, 0)).to.equal('tcg - 32');
    expect(of(11, 0, 0)).to.equal('tcg - 32');
  });

  it('after TCG has walked through a PDPTE, bit 5 of it counts for nothing, and the others as before', () => {
    const of = (profile: Profile, pdpte: bigint) =>
      outcome(profile, {
        registers: PAE,
        memory: entryMap({ 4096: pdpte, 8192: 0x3007n, 12288: 0x4007n }),
      });
    expect(of(INTEL, 0x2021n)).to.equal('reserved-bits 14/9');
    expect(of(afterTcg(INTEL), 0x2021n)).to.equal('0x4000');
    expect(of(afterTcg(INTEL), 0x2041n)).to.equal('reserved-bits 14/9');
    expect(of(afterTcg(AMD), 0x2021n)).to.equal('0x4000');
  });
});
