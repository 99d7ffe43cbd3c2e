import { expect } from 'chai';
import {
  type Access,
  createContext,
  type EntrySource,
  type FaultedTranslation,
  type PagingRegisters,
  translate,
} from '../../../../src/paging/index.ts';
import { formatReason } from '../../../../src/report/reasons/format-reason.ts';
import { entryMap, fourLevels } from '../../../support/builders/entry-map.ts';

const REGISTERS: PagingRegisters = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const SMEP = 1n << 20n;
const SMAP = 1n << 21n;
const PKE = 1n << 22n;
const CET = 1n << 23n;
const PKS = 1n << 24n;
const LASS = 1n << 27n;
const LA57 = 1n << 12n;
const AC = 1n << 18n;

const READ: Access = { write: false, user: false, exec: false };
const WRITE: Access = { ...READ, write: true };
const EXEC: Access = { ...READ, exec: true };
const USER: Access = { ...READ, user: true };

interface Fault {
  readonly memory?: EntrySource;
  readonly access?: Access;
  readonly address?: bigint;
  readonly registers?: Partial<PagingRegisters>;
}

/** An ordinary user page, with this leaf. */
function leaf(pte: bigint): EntrySource {
  return fourLevels(0x2007n, 0x3007n, 0x4007n, pte);
}

function fault({ memory = leaf(0x5007n), access = READ, address = 0n, registers = {} }: Fault): FaultedTranslation {
  const context = createContext({ ...REGISTERS, ...registers }, { maxPhyAddr: 46 });
  const translation = translate(context, memory, address, access);
  if (translation.kind === 'mapped') throw new Error('it is mapped');
  return translation;
}

const KEY_5 = 5n << 59n;

/** What a person is told, and what a processor would. */
const REASONS: readonly [reason: string, errorCode: number | null, Fault][] = [
  ['not present: the PML4E has P=0', 0x0, { memory: fourLevels(0n) }],
  ['not present: the PDE has P=0', 0x6, { memory: fourLevels(0x2007n, 0x3007n, 0n), access: { ...USER, write: true } }],
  ['reserved bit 51 set in the PTE', 0x9, { memory: leaf(0x8_0000_0000_5007n) }],
  ['reserved bits 51:46 set in the PDPTE', 0x9, { memory: fourLevels(0x2007n, 0xf_c000_0000_3007n) }],
  ['reserved bits 51, 48, 7 set in the PML4E', 0x9, { memory: fourLevels(0x9_0000_0000_2087n) }],
  ['reserved bit 13 set in the PDE', 0x9, { memory: fourLevels(0x2007n, 0x3007n, 0x2087n) }],
  [
    'reserved bit 63 set in the PML4E',
    0x9,
    { memory: fourLevels(0x8000_0000_0000_2007n), registers: { efer: 0x500n } },
  ],
  [
    'supervisor write denied by the PTE: the page is read-only (R/W=0, CR0.WP=1)',
    0x3,
    { memory: leaf(0x5005n), access: WRITE },
  ],
  [
    'user write denied by the PDE: the page is read-only (R/W=0)',
    0x7,
    { memory: fourLevels(0x2007n, 0x3007n, 0x4005n, 0x5007n), access: { ...USER, write: true } },
  ],
  [
    'user read denied by the PML4E: the page is a supervisor page (U/S=0)',
    0x5,
    { memory: fourLevels(0x2003n, 0x3003n, 0x4007n, 0x5007n), access: USER },
  ],
  [
    'user write denied by the PDPTE: the page is a supervisor page (U/S=0); the page is read-only (R/W=0)',
    0x7,
    { memory: fourLevels(0x2007n, 0x3003n, 0x4005n, 0x5007n), access: { ...USER, write: true } },
  ],
  [
    'supervisor fetch denied by the PTE: the page is not executable (XD=1)',
    0x11,
    { memory: leaf(0x8000_0000_0000_5003n), access: EXEC },
  ],
  [
    'supervisor fetch denied by the PTE: the page is a user page and CR4.SMEP=1',
    0x11,
    { access: EXEC, registers: { cr4: 0x20n | SMEP } },
  ],
  [
    'supervisor read denied by the PTE: the page is a user page and CR4.SMAP=1, RFLAGS.AC=0',
    0x1,
    { registers: { cr4: 0x20n | SMAP } },
  ],
  [
    'supervisor read denied by the PTE: the page is a user page and CR4.SMAP=1 (implicit access)',
    0x1,
    { access: { ...READ, implicit: true }, registers: { cr4: 0x20n | SMAP, rflags: AC } },
  ],
  [
    'user read denied by the PTE: protection key 5 forbids it (PKRU)',
    0x25,
    { memory: leaf(KEY_5 | 0x5007n), access: USER, registers: { cr4: 0x20n | PKE, pkru: 1 << 10 } },
  ],
  [
    'supervisor write denied by the PTE: protection key 5 forbids it (PKRS)',
    0x23,
    { memory: leaf(KEY_5 | 0x5003n), access: WRITE, registers: { cr4: 0x20n | PKS, pkrs: 2 << 10 } },
  ],
  [
    'user shadow-stack read denied by the PTE: the page is no shadow stack (R/W=0 and D=1 in its entry, R/W=1 above)',
    0x45,
    { access: { ...USER, shadowStack: true }, registers: { cr4: 0x20n | CET } },
  ],
  [
    'supervisor shadow-stack write denied by the PTE: the page is a user page',
    0x43,
    { memory: leaf(0x5045n), access: { ...WRITE, shadowStack: true }, registers: { cr4: 0x20n | CET } },
  ],
  [
    'the address is not canonical: bits 63:47 differ (48-bit linear addresses)',
    0x0,
    { address: 0x0000_8000_0000_0000n },
  ],
  [
    'the address is not canonical: bits 63:56 differ (57-bit linear addresses)',
    0x0,
    { address: 0x0100_0000_0000_0000n, registers: { cr4: 0x20n | LA57 } },
  ],
  [
    'the address is above 32 bits and CS.L=0: code in compatibility mode has 32-bit addresses',
    null,
    { address: 1n << 32n, registers: { csL: false } },
  ],
  ['the address is above 32 bits and the paging mode is pae', null, { address: 1n << 32n, registers: { efer: 0n } }],
  ['the address is above 32 bits and the paging mode is off', null, { address: 1n << 32n, registers: { cr0: 0n } }],
  [
    'the address lies in the other half of the address space and CR4.LASS=1',
    0x0,
    { address: 0xffff_8000_0000_0000n, access: USER, registers: { cr4: 0x20n | LASS } },
  ],
  ['no memory holds the PML4E', null, { memory: entryMap({}) }],
  ['no memory holds the PTE', null, { memory: fourLevels(0x2007n, 0x3007n, 0x4007n) }],
];

describe('why an access fails', () => {
  for (const [reason, errorCode, question] of REASONS) {
    it(reason, () => {
      const { reason: said, errorCode: pushed } = fault(question);
      expect(formatReason(said)).to.equal(reason);
      expect(pushed === null ? null : `0x${pushed.toString(16)}`).to.equal(
        errorCode === null ? null : `0x${errorCode.toString(16)}`,
      );
    });
  }

  it('every cause is among these', () => {
    const causes = new Set(REASONS.map(([, , question]) => fault(question).cause));
    expect([...causes].sort()).to.deep.equal([
      'lass',
      'non-canonical',
      'not-present',
      'out-of-range',
      'privilege-violation',
      'reserved-bits',
      'unbacked-table',
    ]);
  });

  it('names the responsible entry by its address', () => {
    const responsible = (question: Fault) => fault(question).responsible;
    expect(responsible({ memory: fourLevels(0n) })).to.deep.equal({ level: 4, address: 0x1000n });
    const byPde = fourLevels(0x2007n, 0x3007n, 0x4003n, 0x5003n);
    expect(responsible({ memory: byPde, access: USER })).to.deep.equal({ level: 2, address: 0x3000n });
    expect(responsible({ memory: fourLevels(0x2007n) }), 'the entry that could not be read').to.deep.equal({
      level: 3,
      address: 0x2000n,
    });
    expect(responsible({ address: 0x5000_0000_0000_0000n })).to.equal(null);
  });

  it('a non-canonical address relative to SS is #SS, others are #GP, the rest #PF', () => {
    const address = 0x5000_0000_0000_0000n;
    expect(fault({ address }).vector).to.equal(13);
    expect(fault({ address, access: { ...READ, segment: 'ss' } }).vector).to.equal(12);
    expect(fault({ address, access: { ...READ, segment: 'other' } }).vector).to.equal(13);
    expect(fault({ memory: fourLevels(0n) }).vector).to.equal(14);
  });

  it('fetches are reported only where the processor can tell', () => {
    const denied = { memory: fourLevels(0n), access: EXEC } as const;
    expect(fault(denied).errorCode).to.equal(0x10);
    expect(fault({ ...denied, registers: { efer: 0x500n } }).errorCode, 'NXE=0, SMEP=0').to.equal(0);
    expect(fault({ ...denied, registers: { efer: 0x500n, cr4: 0x20n | SMEP } }).errorCode).to.equal(0x10);
  });
});
