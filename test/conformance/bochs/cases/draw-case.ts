import {
  CR0_PG,
  CR4_CET,
  CR4_LA57,
  CR4_LASS,
  CR4_PKE,
  CR4_PKS,
  type PagingRegisters,
} from '../../../../src/paging/index.ts';
import type { Random } from '../../../support/random/random.ts';
import { type EntryMaker, eptEntries } from '../../../support/random/random-nested-entries.ts';
import { RandomEntry } from '../../nested-processor/tables/random-entry.ts';
import { isPointerTable } from '../../nested-processor/tables/table-format.ts';
import type { EntryOdds } from '../../processor-rig/entry-bits.ts';
import { randomAddress } from '../../processor-rig/random/random-address.ts';
import { randomRegisters } from '../../processor-rig/random/random-registers.ts';
import { EPT_PML4, PAGES, PAGES_BYTES } from '../layout.ts';
import { type BochsMachine, formatOf, hasFeature, isLong, MAX_PHY_ADDR } from '../machine.ts';
import type { BochsCase } from './bochs-case.ts';
import { type CaseKind, kindsOf } from './case-kind.ts';
import { CaseMemory } from './case-memory.ts';
import { CasePlaces } from './case-places.ts';
import { hasUpperWindow, standingMemory, windowEntry } from './standing-memory.ts';

const PAGE = 4096;
const MIB_2 = 0x20_0000;
const GIB = 2 ** 30;
const CR0_NE = 0x20n;
const CR0_WP = 0x1_0000n;
const CR4_VMXE = 0x2000n;
const EFER_NXE = 0x800n;
const ENTRY_RW = 2n;
const ENTRY_D = 0x40n;
const EPT_RIGHTS = 7n;
const EPT_XU = 0x400n;
const EPT_MEMORY_TYPE = 0x38n;
const EPT_WRITE_BACK = 0x30n;
/** Four levels, write-back tables. */
const EPTP_BASE = BigInt(EPT_PML4) | 0x1en;
const EPTP_ACCESSED_DIRTY = 0x40n;
const EPTP_SHADOW_STACK = 0x80n;
const NUMBER_IN_32_BITS = 0xffff_ffffn;
/** P, PWT, PCD, those free to software, and an address of MAXPHYADDR bits. */
const PDPTE_LEGAL = ((1n << BigInt(MAX_PHY_ADDR)) - 1n) & ~0x1e6n;

const wildOdds: EntryOdds = {
  present: 97,
  writable: 84,
  user: 72,
  executeDisable: 7,
  strayBit: 2,
  reservedBit: 2,
};
const calm = { present: 100, writable: 100, executeDisable: 0, strayBit: 0, reservedBit: 0 };

/** Draws the cases of a machine: tables that only the case's own walk uses, and an access. */
export class CaseDrawer {
  readonly #random: Random;
  readonly #machine: BochsMachine;
  readonly #kinds: readonly CaseKind[];
  readonly #places: CasePlaces;
  readonly #standing: ReadonlyMap<number, bigint>;

  constructor(random: Random, machine: BochsMachine) {
    this.#random = random;
    this.#machine = machine;
    this.#kinds = kindsOf(machine);
    this.#places = new CasePlaces(machine);
    this.#standing = standingMemory(machine);
  }

  /** What is in memory before the first case. */
  get standing(): ReadonlyMap<number, bigint> {
    return this.#standing;
  }

  /** @returns null for a case that no guest can be entered with */
  draw(): BochsCase | null {
    const random = this.#random;
    const { mode, ept } = this.#machine;
    const kind = random.pick(this.#kinds);
    const memory = new CaseMemory(this.#standing);
    const linear = this.#linear(kind);
    if (!this.#canBeEntered(kind, linear)) return null;
    const final = mode === 'off' ? Number(linear) : this.#fillGuestTables(memory, kind, linear);
    const registers = this.#registers(kind, memory);
    const modeBasedExecute = hasFeature(this.#machine, 'mbe') && random.chance(50);
    if (ept) this.#fillNestedTables(memory, final, linear);
    const flags = random.chance(50) ? EPTP_ACCESSED_DIRTY : 0n;
    const marking = hasFeature(this.#machine, 'sss') && random.chance(50) ? EPTP_SHADOW_STACK : 0n;
    return {
      kind,
      linear,
      code: BigInt(kind.code) + (hasUpperWindow(this.#machine) && !kind.user ? this.#upperWindow() : 0n),
      registers,
      ept: ept ? { pointer: EPTP_BASE | flags | marking, modeBasedExecute } : null,
      memory,
    };
  }

  /** Where the last entry of the root begins. */
  #upperWindow(): bigint {
    const { top } = formatOf(this.#machine);
    return BigInt.asUintN(64, -(1n << BigInt(3 + 9 * top)));
  }

  #linear(kind: CaseKind): bigint {
    const random = this.#random;
    const second = kind.access.write ? 8n : 0n;
    if (this.#machine.mode === 'off') {
      const gib = BigInt(random.between(1, 3)) << 30n;
      return gib | BigInt(PAGES + 16 * random.below(PAGES_BYTES / 16)) | second;
    }
    for (;;) {
      const linear = randomAddress(random, this.#machine.mode);
      const index = this.#rootIndex(linear);
      const last = formatOf(this.#machine).entries - 1;
      if (index !== 0 && !(hasUpperWindow(this.#machine) && index === last)) return linear | second;
    }
  }

  #rootIndex(linear: bigint): number {
    const { top } = formatOf(this.#machine);
    return this.#indexAt(top, linear);
  }

  #indexAt(level: number, linear: bigint): number {
    const { entryBytes, entries } = formatOf(this.#machine);
    const bits = entryBytes === 4 ? 10 : 9;
    return Number((linear >> BigInt(12 + bits * (level - 1))) & BigInt(entries - 1));
  }

  /** SSP and the base of the LDT are in the guest's state, which VM entry looks at: canonical in the host's 48 bits. */
  #canBeEntered({ does }: CaseKind, linear: bigint): boolean {
    if (does !== 'incssp' && does !== 'implicit') return true;
    return BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear;
  }

  #registers(kind: CaseKind, memory: CaseMemory): PagingRegisters {
    const random = this.#random;
    const machine = this.#machine;
    const { mode } = machine;
    const drawn = randomRegisters(random, mode === 'off' ? '32-bit' : mode);
    const hasCet = kind.access.shadowStack || (hasFeature(machine, 'cet') && random.chance(30));
    const keys = hasFeature(machine, 'keys');
    const absent = (keys ? 0n : CR4_PKE | CR4_PKS) | (mode === '5-level' ? 0n : CR4_LA57);
    const lass = hasFeature(machine, 'lass') && random.chance(50) ? CR4_LASS : 0n;
    const { top } = formatOf(machine);
    const root = mode === 'off' ? 0n : BigInt(this.#places.guestTable(top)) | BigInt(random.uint32() & 0x18);
    return {
      cr0: (BigInt(drawn.cr0) | CR0_NE | (hasCet ? CR0_WP : 0n)) & (mode === 'off' ? ~CR0_PG : ~0n),
      cr3: root,
      cr4: (BigInt(drawn.cr4) & ~absent) | CR4_VMXE | lass | (hasCet ? CR4_CET : 0n),
      efer: BigInt(drawn.efer) & (isLong(machine) ? ~0n : EFER_NXE),
      rflags: BigInt(drawn.flags),
      cpl: kind.user ? 3 : 0,
      pkru: keys ? drawn.pkru : 0,
      pkrs: keys ? drawn.pkrs : 0,
      ...(mode === 'pae' ? { pdptes: this.#latched(memory) } : {}),
    };
  }

  /** VM entry loads the PDPTEs, from the guest's state or from memory. */
  #latched(memory: CaseMemory): [bigint, bigint, bigint, bigint] {
    const root = this.#places.hostTable(3);
    const read = (index: number) => memory.own.get(root + 8 * index) ?? 0n;
    return [read(0), read(1), read(2), read(3)];
  }

  /** @returns the guest-physical address that they lead to, if nothing stops a walk */
  #fillGuestTables(memory: CaseMemory, kind: CaseKind, linear: bigint): number {
    const random = this.#random;
    const { mode, ept } = this.#machine;
    if (mode === 'off') throw new RangeError('there are no tables without paging');
    const { top, entryBytes, largePages } = formatOf(this.#machine);
    const isCalm = random.chance(ept ? 50 : 30);
    const user = kind.access.user ? 100 : 0;
    const odds = isCalm ? { ...calm, user } : wildOdds;
    const entry = new RandomEntry(random, mode, MAX_PHY_ADDR, odds);
    const leaf = random.pick(largePages[3] === undefined ? [1, 1, 2] : [1, 1, 1, 1, 2, 2, 3]);
    const isNarrow = entryBytes === 4;
    this.#linkWindow(memory, top);
    let value = 0n;
    for (let level = top; level >= leaf; level--) {
      const large = level === leaf ? largePages[level] : undefined;
      if (isPointerTable(mode, level)) entry.makePointer(this.#places.guestTable(level - 1));
      else if (large !== undefined) entry.makeLarge(level, this.#places.guestPage(largePage(random, large), false));
      else if (level === 1) {
        const page = PAGES + PAGE * random.below(PAGES_BYTES / PAGE);
        entry.makeSmall(level, this.#places.guestPage(page, isNarrow));
      } else entry.makeSmall(level, this.#places.guestTable(level - 1));
      value = join(entry.low, isNarrow ? 0 : entry.high);
      // VM entry refuses a PDPTE with a reserved bit.
      if (isPointerTable(mode, level)) value &= PDPTE_LEGAL;
      if (level === leaf && kind.access.shadowStack && random.chance(isCalm ? 100 : 60))
        value = (value & ~ENTRY_RW) | ENTRY_D;
      memory.put(this.#places.hostTable(level) + entryBytes * this.#indexAt(level, linear), value, entryBytes);
    }
    return finalOf(value, largePages[leaf] ?? PAGE, isNarrow, linear);
  }

  #linkWindow(memory: CaseMemory, top: number): void {
    const { entryBytes, entries } = formatOf(this.#machine);
    const root = this.#places.hostTable(top);
    memory.put(root, windowEntry(this.#machine), entryBytes);
    if (hasUpperWindow(this.#machine))
      memory.put(root + entryBytes * (entries - 1), windowEntry(this.#machine), entryBytes);
  }

  #fillNestedTables(memory: CaseMemory, final: number, linear: bigint): void {
    const random = this.#random;
    const { top, entryBytes } = formatOf(this.#machine);
    const capabilities = {
      maxPhyAddr: MAX_PHY_ADDR,
      executeOnly: true,
      page1g: true,
      modeBasedExecute: hasFeature(this.#machine, 'mbe'),
      supervisorShadowStack: hasFeature(this.#machine, 'sss'),
      pagingWrite: false,
      advancedExitInformation: hasFeature(this.#machine, 'mbe'),
    };
    const maker = eptEntries(random, capabilities, 4);
    const isCalm = random.chance(45);
    for (let level = top; level >= 1; level--) {
      const table = this.#places.guestTable(level) + entryBytes * this.#indexAt(level, linear);
      // The code of the case needs the root too.
      this.#mapNested(memory, maker, table, isCalm || (level === top && random.chance(80)));
    }
    this.#mapNested(memory, maker, final, isCalm);
  }

  /** The nested entries for one address, if it is one of the test's. A later one may share those of an earlier one. */
  #mapNested(memory: CaseMemory, maker: EntryMaker, guestPhysical: number, isCalm: boolean): void {
    const random = this.#random;
    const entries = this.#places.nestedEntries(guestPhysical);
    if (entries === null) return;
    const leaf = random.pick([1, 1, 1, 1, 2, 2, 3]);
    for (const level of [4, 3, 2, 1] as const) {
      if (level < leaf) return;
      const row = maker.levels.find((candidate) => candidate.level === level);
      if (row === undefined) throw new RangeError(`the second stage has no level ${level}`);
      const address = entries[level];
      if (memory.own.has(address)) {
        if (memory.largeNested.has(address)) return;
        continue;
      }
      const isLeaf = level === leaf;
      const bytes = isLeaf ? { 1: PAGE, 2: MIB_2, 3: GIB, 4: null }[level] : null;
      const target = BigInt(this.#places.nestedTarget(guestPhysical, level, bytes));
      const entry = isLeaf ? maker.leaf(row, target) : maker.pointer(row, target);
      memory.put(address, this.#bias(entry, isLeaf, isCalm));
      if (isLeaf && level > 1) memory.noteLargeNested(address);
    }
  }

  /** In some cases the second stage is in order, so that what is asked is the first; XU is mostly given, as X is. */
  #bias(entry: bigint, isLeaf: boolean, isCalm: boolean): bigint {
    const random = this.#random;
    const xu = hasFeature(this.#machine, 'mbe') && random.chance(92) ? EPT_XU : 0n;
    if (!isCalm) return entry | xu;
    const open = entry | EPT_RIGHTS | EPT_XU;
    return isLeaf ? (open & ~EPT_MEMORY_TYPE) | EPT_WRITE_BACK : open;
  }
}

function largePage(random: Random, bytes: number): number {
  return bytes > PAGES_BYTES ? 0 : PAGES + bytes * random.below(PAGES_BYTES / bytes);
}

function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | (BigInt(low >>> 0) & NUMBER_IN_32_BITS);
}

/** Where a leaf leads. One with a wrong bit leads elsewhere, where no case may go; the walk will say. */
function finalOf(leaf: bigint, bytes: number, isNarrow: boolean, linear: bigint): number {
  const offset = linear & BigInt(bytes - 1);
  const base = isNarrow
    ? (leaf & NUMBER_IN_32_BITS) | (bytes > PAGE ? ((leaf >> 13n) & 0xffn) << 32n : 0n)
    : leaf & 0xf_ffff_ffff_ffffn;
  return Number(((base >> BigInt(Math.log2(bytes))) << BigInt(Math.log2(bytes))) | offset);
}
