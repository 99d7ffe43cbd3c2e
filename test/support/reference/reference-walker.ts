import { referenceLinear } from './reference-linear.ts';
import type { EntryRights } from './reference-rights.ts';
import { combineRights, isUserAccess, judgeAccess } from './reference-rights.ts';
import type {
  ReferenceAccess,
  ReferenceCause,
  ReferenceFault,
  ReferenceMachine,
  ReferenceMapped,
  ReferenceMemory,
  ReferenceMode,
  ReferenceStep,
  ReferenceTranslation,
} from './reference-translation.ts';

const cr0Pg = 1n << 31n;
const cr4Pse = 1n << 4n;
const cr4Pae = 1n << 5n;
const cr4La57 = 1n << 12n;
const cr4Smep = 1n << 20n;
const eferLma = 1n << 10n;
const eferNxe = 1n << 11n;

const kib4 = 0x1000;
const mib2 = 0x20_0000;
const mib4 = 0x40_0000;
const gib1 = 0x4000_0000;

/**
 * Translates by the manual, slowly: an independent judge for the walker, one function for each paging mode.
 *
 * Section numbers are those of the Intel SDM vol. 3A, chapter "Paging", in editions where that is chapter 4; APM is
 * the AMD64 manual, vol. 2.
 *
 * @internal
 */
export function referenceTranslate(
  machine: ReferenceMachine,
  memory: ReferenceMemory,
  linear: bigint,
  access: ReferenceAccess,
): ReferenceTranslation {
  const mode = referenceMode(machine);
  const { address, refusal } = referenceLinear(machine, mode, linear, access);
  if (refusal !== null) {
    const walk = new Walk(machine, mode, memory, access, address);
    return walk.refuse(refusal, refusal === 'out-of-range' ? null : 0);
  }
  return referenceWalk(machine, memory, address, access);
}

/**
 * The walk alone, of an address that is looked up as it is: canonical form, tags and separation are matters of linear
 * addresses. Nested tables are walked so, by guest-physical addresses.
 *
 * @internal
 */
export function referenceWalk(
  machine: ReferenceMachine,
  memory: ReferenceMemory,
  address: bigint,
  access: ReferenceAccess,
): ReferenceTranslation {
  const mode = referenceMode(machine);
  const walk = new Walk(machine, mode, memory, access, address);
  switch (mode) {
    case 'off':
      return translateWithoutPaging(walk, address);
    case '32-bit':
      return walk32Bit(walk, address);
    case 'pae':
      return walkPae(walk, address);
    case '4-level':
      return walk4Level(walk, address);
    case '5-level':
      return walk5Level(walk, address);
  }
}

/** SDM 4.1.1. LMA rather than LME: with CR0.PG=1 they are equal, and LMA is what the processor acts on. @internal */
export function referenceMode(machine: ReferenceMachine): ReferenceMode {
  const { cr0, cr4, efer } = machine.registers;
  if ((cr0 & cr0Pg) === 0n) {
    return 'off';
  }
  if ((cr4 & cr4Pae) === 0n) {
    return '32-bit';
  }
  if ((efer & eferLma) === 0n) {
    return 'pae';
  }
  return (cr4 & cr4La57) === 0n ? '4-level' : '5-level';
}

/** SDM 4.1.1: without paging, linear addresses are physical addresses. */
function translateWithoutPaging(walk: Walk, linear: bigint): ReferenceMapped {
  return {
    kind: 'mapped',
    untaggedAddress: linear,
    physicalAddress: walk.onTheBus(linear),
    pageSizeBytes: null,
    rights: { write: true, user: true, exec: true },
    protectionKey: null,
    steps: [],
  };
}

/** SDM 4.3, figures 4-2 to 4-4 and tables 4-3 to 4-6. Entries of 4 bytes, without XD and without keys. */
function walk32Bit(walk: Walk, linear: bigint): ReferenceTranslation {
  const pseEnabled = (walk.machine.registers.cr4 & cr4Pse) !== 0n;

  const pdIndex = field(linear, 31, 22);
  const pdAddress = (field(walk.machine.registers.cr3, 31, 12) << 12n) + pdIndex * 4n;
  // Table 4-4: a PDE that maps a page has reserved bits, a PDE that references a table has none; bit 7 is
  // ignored with CR4.PSE=0.
  const pde = walk.visit(2, 'PD', pdIndex, pdAddress, 4, (entry) =>
    pseEnabled && bit(entry, 7) ? reserved4MibBits(walk.machine, entry) : false,
  );
  if (typeof pde !== 'bigint') {
    return pde;
  }
  walk.collect(pde);
  if (pseEnabled && bit(pde, 7)) {
    // Table 4-4: bits 31:22 are address bits 31:22, bits 20:13 are address bits 39:32.
    const base = (field(pde, 31, 22) << 22n) | (field(pde, 20, 13) << 32n);
    return walk.finish(base | field(linear, 21, 0), mib4, pde);
  }

  const ptIndex = field(linear, 21, 12);
  const ptAddress = (field(pde, 31, 12) << 12n) + ptIndex * 4n;
  // Table 4-6: with PAT, which every processor of interest has, nothing is reserved in a PTE.
  const pte = walk.visit(1, 'PT', ptIndex, ptAddress, 4, () => false);
  if (typeof pte !== 'bigint') {
    return pte;
  }
  walk.collect(pte);
  return walk.finish((field(pte, 31, 12) << 12n) | field(linear, 11, 0), kib4, pte);
}

/**
 * SDM 4.3, table 4-4: without PSE-36 bits 21:13 are reserved; with it bits 21:(m-19), m being the lesser of 40 and
 * MAXPHYADDR. The APM gives bits 20:13 to the address and bit 21 as must-be-zero, and address bits that the
 * processor does not implement are reserved there as in every entry: the same rule.
 */
function reserved4MibBits(machine: ReferenceMachine, pde: bigint): boolean {
  if (!machine.processor.pse36) {
    return field(pde, 21, 13) !== 0n;
  }
  const width = Math.min(40, machine.processor.maxPhyAddr);
  return field(pde, 21, width - 19) !== 0n;
}

/** SDM 4.4, figures 4-5 to 4-7 and tables 4-7 to 4-11. */
function walkPae(walk: Walk, linear: bigint): ReferenceTranslation {
  const m = walk.machine.processor.maxPhyAddr;

  const pdptIndex = field(linear, 31, 30);
  const pdptAddress = (field(walk.machine.registers.cr3, 31, 5) << 5n) + pdptIndex * 8n;
  // Section 4.4.1: MOV to CR3 loads four registers, and memory is not asked again. Where those are not known the walk reads
  // PDPTEs from memory, as AMD processors do under nested paging (APM 15.25). Table 4-8: bits 2:1, 8:5 and 63:MAXPHYADDR
  // are reserved; MOV to CR3 refuses them with #GP, a walk in memory with a page fault.
  const latched = walk.machine.registers.pdptes?.[Number(pdptIndex)];
  const isReserved = (entry: bigint) =>
    field(entry, 2, 1) !== 0n || field(entry, 8, 5) !== 0n || field(entry, 63, m) !== 0n;
  const pdpte = walk.visit(3, 'PDPT', pdptIndex, pdptAddress, 8, isReserved, latched);
  if (typeof pdpte !== 'bigint') {
    return pdpte;
  }
  // SDM 4.6: access rights are determined by the PDE and PTE; a PAE PDPTE has none, hence no collect() here.

  const pdIndex = field(linear, 29, 21);
  const pdAddress = (tableBits(pdpte, m) << 12n) + pdIndex * 8n;
  // Tables 4-9 and 4-10: bits 62:MAXPHYADDR, bit 63 without NXE, and bits 20:13 of a 2 MiB page.
  const pde = walk.visit(2, 'PD', pdIndex, pdAddress, 8, (entry) => {
    return field(entry, 62, m) !== 0n || walk.hasForbiddenXd(entry) || (bit(entry, 7) && field(entry, 20, 13) !== 0n);
  });
  if (typeof pde !== 'bigint') {
    return pde;
  }
  walk.collect(pde);
  if (bit(pde, 7)) {
    return walk.finish((field(pde, m - 1, 21) << 21n) | field(linear, 20, 0), mib2, pde);
  }

  const ptIndex = field(linear, 20, 12);
  const ptAddress = (tableBits(pde, m) << 12n) + ptIndex * 8n;
  // Table 4-11: bits 62:MAXPHYADDR, bit 63 without NXE.
  const pte = walk.visit(1, 'PT', ptIndex, ptAddress, 8, (entry) => {
    return field(entry, 62, m) !== 0n || walk.hasForbiddenXd(entry);
  });
  if (typeof pte !== 'bigint') {
    return pte;
  }
  walk.collect(pte);
  return walk.finish((tableBits(pte, m) << 12n) | field(linear, 11, 0), kib4, pte);
}

/** SDM 4.5, 4-level: the table that CR3 names is a PML4. */
function walk4Level(walk: Walk, linear: bigint): ReferenceTranslation {
  const cr3 = walk.withoutEncryptionBit(walk.machine.registers.cr3);
  const pml4 = tableBits(cr3, walk.machine.processor.maxPhyAddr) << 12n;
  return walkFromPml4(walk, linear, pml4);
}

/** SDM 4.5, 5-level: one table more; from the PML4 on the two are the same. */
function walk5Level(walk: Walk, linear: bigint): ReferenceTranslation {
  const m = walk.machine.processor.maxPhyAddr;
  const pml5Index = field(linear, 56, 48);
  const cr3 = walk.withoutEncryptionBit(walk.machine.registers.cr3);
  const pml5Address = (tableBits(cr3, m) << 12n) + pml5Index * 8n;
  const pml5e = walk.visit(5, 'PML5', pml5Index, pml5Address, 8, (entry) => reservedInTopEntry(walk, entry));
  if (typeof pml5e !== 'bigint') {
    return pml5e;
  }
  walk.collect(pml5e);
  return walkFromPml4(walk, linear, tableBits(pml5e, m) << 12n);
}

/** SDM 4.5, figure 4-11 and tables 4-15 to 4-20. */
function walkFromPml4(walk: Walk, linear: bigint, pml4: bigint): ReferenceTranslation {
  const m = walk.machine.processor.maxPhyAddr;

  const pml4Index = field(linear, 47, 39);
  const pml4e = walk.visit(4, 'PML4', pml4Index, pml4 + pml4Index * 8n, 8, (entry) => reservedInTopEntry(walk, entry));
  if (typeof pml4e !== 'bigint') {
    return pml4e;
  }
  walk.collect(pml4e);

  const pdptIndex = field(linear, 38, 30);
  const pdptAddress = (tableBits(pml4e, m) << 12n) + pdptIndex * 8n;
  // Tables 4-16 and 4-17: bits 29:13 of a 1 GiB page; PS itself where the processor has no such pages.
  const pdpte = walk.visit(3, 'PDPT', pdptIndex, pdptAddress, 8, (entry) => {
    if (field(entry, 51, m) !== 0n || walk.hasForbiddenXd(entry)) {
      return true;
    }
    return bit(entry, 7) && (!walk.machine.processor.pdpe1gb || field(entry, 29, 13) !== 0n);
  });
  if (typeof pdpte !== 'bigint') {
    return pdpte;
  }
  walk.collect(pdpte);
  if (bit(pdpte, 7)) {
    return walk.finish((field(pdpte, m - 1, 30) << 30n) | field(linear, 29, 0), gib1, pdpte);
  }

  const pdIndex = field(linear, 29, 21);
  const pdAddress = (tableBits(pdpte, m) << 12n) + pdIndex * 8n;
  // Tables 4-18 and 4-19: bits 20:13 of a 2 MiB page.
  const pde = walk.visit(2, 'PD', pdIndex, pdAddress, 8, (entry) => {
    return field(entry, 51, m) !== 0n || walk.hasForbiddenXd(entry) || (bit(entry, 7) && field(entry, 20, 13) !== 0n);
  });
  if (typeof pde !== 'bigint') {
    return pde;
  }
  walk.collect(pde);
  if (bit(pde, 7)) {
    return walk.finish((field(pde, m - 1, 21) << 21n) | field(linear, 20, 0), mib2, pde);
  }

  const ptIndex = field(linear, 20, 12);
  const ptAddress = (tableBits(pde, m) << 12n) + ptIndex * 8n;
  // Table 4-20.
  const pte = walk.visit(1, 'PT', ptIndex, ptAddress, 8, (entry) => {
    return field(entry, 51, m) !== 0n || walk.hasForbiddenXd(entry);
  });
  if (typeof pte !== 'bigint') {
    return pte;
  }
  walk.collect(pte);
  return walk.finish((tableBits(pte, m) << 12n) | field(linear, 11, 0), kib4, pte);
}

/** Tables 4-14 and 4-15: PS (bit 7) is reserved in a PML5E and a PML4E; in the APM bit 8 must be zero too. */
function reservedInTopEntry(walk: Walk, entry: bigint): boolean {
  const { maxPhyAddr, vendor } = walk.machine.processor;
  if (field(entry, 51, maxPhyAddr) !== 0n || walk.hasForbiddenXd(entry) || bit(entry, 7)) {
    return true;
  }
  return vendor === 'amd' && bit(entry, 8);
}

/** One walk under way: what it has seen, and how it ends. */
class Walk {
  readonly machine: ReferenceMachine;
  readonly #mode: ReferenceMode;
  readonly #memory: ReferenceMemory;
  readonly #access: ReferenceAccess;
  readonly #untaggedAddress: bigint;
  readonly #steps: ReferenceStep[] = [];
  readonly #rights: EntryRights[] = [];

  constructor(
    machine: ReferenceMachine,
    mode: ReferenceMode,
    memory: ReferenceMemory,
    access: ReferenceAccess,
    untaggedAddress: bigint,
  ) {
    this.machine = machine;
    this.#mode = mode;
    this.#memory = memory;
    this.#access = access;
    this.#untaggedAddress = untaggedAddress;
  }

  /** The address that memory sees: with the A20 gate closed bit 20 is 0, for tables as for pages. */
  onTheBus(physical: bigint): bigint {
    return (this.machine.registers.a20 ?? true) ? physical : physical & ~(1n << 20n);
  }

  /**
   * APM vol. 2, 15.34.1 and 7.10: the C-bit is no address bit and never reserved. 32-bit paging has no room for one: nothing
   * above bit 31 of its entries and of CR3 exists.
   */
  withoutEncryptionBit(value: bigint): bigint {
    const { encryptionBit } = this.machine.processor;
    return encryptionBit === undefined || this.#mode === '32-bit' ? value : value & ~(1n << BigInt(encryptionBit));
  }

  /**
   * Reads an entry, unless a register holds it; SDM 4.7: one that is not present has no reserved bits, so P is judged first.
   *
   * @returns the entry without its C-bit, or what stopped the walk
   */
  visit(
    level: number,
    table: ReferenceStep['table'],
    index: bigint,
    unmasked: bigint,
    size: 4 | 8,
    isReserved: (entry: bigint) => boolean,
    latched?: bigint,
  ): bigint | ReferenceFault {
    const address = this.onTheBus(unmasked);
    const value = latched ?? this.#memory.readEntry(address, size);
    if (value === null) {
      return this.refuse('unbacked-table', null, { level, address });
    }
    this.#steps.push({ level, table, index: Number(index), address, value });
    if (!bit(value, 0)) {
      return this.refuse('not-present', this.#accessBits(), { level, address });
    }
    const entry = this.withoutEncryptionBit(value);
    if (isReserved(entry)) {
      // SDM 4.7: RSVD is set only if P is: an entry that is not present has no reserved bits.
      return this.refuse('reserved-bits', this.#accessBits() | 0x9, { level, address });
    }
    return entry;
  }

  /** Takes the rights of the entry visited last into account. */
  collect(value: bigint): void {
    const step = this.#steps.at(-1);
    if (step === undefined) {
      throw new Error('rights were collected before any entry was visited');
    }
    this.#rights.push({
      level: step.level,
      address: step.address,
      write: bit(value, 1),
      user: bit(value, 2),
      noExecute: this.#hasXd() && bit(value, 63),
    });
  }

  /** The leaf was reached: judges the access by all entries together (SDM 4.6). */
  finish(physical: bigint, pageSizeBytes: number, leaf: bigint): ReferenceTranslation {
    const untaggedAddress = this.#untaggedAddress;
    const physicalAddress = this.onTheBus(physical);
    const rights = combineRights(this.#rights);
    const denial = judgeAccess(this.machine, this.#mode, this.#access, this.#rights, leaf);
    const protectionKey = this.#hasKeys() ? Number(field(leaf, 62, 59)) : null;
    if (denial === null) {
      return {
        kind: 'mapped',
        untaggedAddress,
        physicalAddress,
        pageSizeBytes,
        rights,
        protectionKey,
        steps: this.#steps,
      };
    }
    const errorCode = this.#accessBits() | 0x1 | (denial.protectionKey ? 0x20 : 0);
    return {
      ...this.refuse('privilege-violation', errorCode, denial.responsible),
      rights,
      pageSizeBytes,
      protectionKey,
    };
  }

  /** Ends the walk without a translation. */
  refuse(
    cause: ReferenceCause,
    errorCode: number | null,
    responsible: ReferenceFault['responsible'] = null,
  ): ReferenceFault {
    return {
      kind: 'fault',
      untaggedAddress: this.#untaggedAddress,
      cause,
      vector: this.#vectorOf(cause),
      errorCode,
      responsible,
      rights: null,
      pageSizeBytes: null,
      protectionKey: null,
      steps: this.#steps,
    };
  }

  /**
   * Before paging: #GP, or #SS relative to SS, as for a limit of 32 bits so for the canonical form. A LASS violation is the
   * fault that a non-canonical address would be.
   */
  #vectorOf(cause: ReferenceCause): 12 | 13 | 14 {
    if (cause === 'out-of-range' || cause === 'non-canonical' || cause === 'lass') {
      return this.#access.segment === 'ss' ? 12 : 13;
    }
    return 14;
  }

  /** Tables 4-9 to 4-20, bit 63: reserved as long as EFER.NXE=0. */
  hasForbiddenXd(entry: bigint): boolean {
    return bit(entry, 63) && !this.#hasXd();
  }

  /** SDM 4.1.3: execute-disable exists with PAE paging and in IA-32e mode, if EFER.NXE=1. */
  #hasXd(): boolean {
    return this.#mode !== '32-bit' && (this.machine.registers.efer & eferNxe) !== 0n;
  }

  /** SDM 4.6.2: keys exist with four and five levels. */
  #hasKeys(): boolean {
    return this.#mode === '4-level' || this.#mode === '5-level';
  }

  /** SDM 4.7: the bits of the error code that describe the access, whatever its fate. */
  #accessBits(): number {
    const smep = (this.machine.registers.cr4 & cr4Smep) !== 0n;
    const fetchShown = this.#access.exec && (smep || this.#hasXd());
    return (
      (this.#access.write ? 0x2 : 0) |
      (isUserAccess(this.#access) ? 0x4 : 0) |
      (fetchShown ? 0x10 : 0) |
      (this.#access.shadowStack ? 0x40 : 0)
    );
  }
}

/** Bits 51:12 of an entry or of CR3, cut at MAXPHYADDR. */
function tableBits(value: bigint, maxPhyAddr: number): bigint {
  return field(value, maxPhyAddr - 1, 12);
}

/** Bits `high` to `low` of a value, shifted down; nothing if `high` is below `low`, as 51:M is with M=52. */
function field(value: bigint, high: number, low: number): bigint {
  return high < low ? 0n : (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
}

function bit(value: bigint, position: number): boolean {
  return field(value, position, position) === 1n;
}
