import { SparseMemory } from '../builders/sparse-memory.ts';
import { controlBits } from '../reference/reference-machine.ts';
import type { ReferenceMachine, ReferenceMode } from '../reference/reference-translation.ts';
import type { Random } from './random.ts';

/** Random tables and the linear addresses that lead through them. @internal */
export interface RandomTables {
  memory: SparseMemory;
  /** The registers that lead to the tables: CR3, and in PAE mode perhaps the PDPTEs that it once loaded. */
  registers: Pick<ReferenceMachine['registers'], 'cr3' | 'pdptes'>;
  /** An address that mostly leads through entries that were filled in, and else is an edge or anything. */
  linearAddress(random: Random): bigint;
}

interface Level {
  level: number;
  shift: bigint;
  /** Entries in a table. */
  length: number;
}

const layouts: Readonly<Record<ReferenceMode, readonly Level[]>> = {
  off: [],
  '32-bit': levelsOf(2, 22, 10, 1024, 1024),
  pae: levelsOf(3, 30, 9, 4, 512),
  '4-level': levelsOf(4, 39, 9, 512, 512),
  '5-level': levelsOf(5, 48, 9, 512, 512),
};

/** Addresses at which a rule changes: ends of the halves with 47, 48, 56 and 57 bits, and of 32 bits. */
const edges: readonly bigint[] = [
  0n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffffn,
  0x8000_0000_0000n,
  0xffff_ffff_ffffn,
  0x1_0000_0000_0000n,
  0x00ff_ffff_ffff_ffffn,
  0x0100_0000_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xfeff_ffff_ffff_ffffn,
  0xff00_0000_0000_0000n,
  0xffff_7fff_ffff_ffffn,
  0xffff_8000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];

/**
 * Random tables for a machine: two at each level below the root, in which four entries each are filled in, mostly with
 * something that works and here and there with each thing that does not.
 *
 * @internal
 */
export function randomTables(random: Random, machine: ReferenceMachine, mode: ReferenceMode): RandomTables {
  const maker = new TableMaker(random, machine, mode);
  return maker.make();
}

class TableMaker {
  readonly #random: Random;
  readonly #machine: ReferenceMachine;
  readonly #mode: ReferenceMode;
  readonly #levels: readonly Level[];
  readonly #memory = new SparseMemory();
  readonly #tables = new Map<number, bigint[]>();
  readonly #indices = new Map<number, number[]>();

  constructor(random: Random, machine: ReferenceMachine, mode: ReferenceMode) {
    this.#random = random;
    this.#machine = machine;
    this.#mode = mode;
    this.#levels = layouts[mode];
  }

  make(): RandomTables {
    const root = this.#allocateAll();
    for (const level of this.#levels) {
      for (const table of this.#tables.get(level.level) ?? []) {
        this.#fill(table, level);
      }
    }
    return {
      memory: this.#memory,
      registers: this.#registers(root),
      linearAddress: (random) => this.#linearAddress(random),
    };
  }

  #allocateAll(): bigint {
    for (const [depth, level] of this.#levels.entries()) {
      const count = depth === 0 ? 1 : 2;
      const tables = Array.from({ length: count }, () => this.#allocate(depth === 0));
      this.#tables.set(level.level, tables);
      const last = level.length - 1;
      this.#indices.set(level.level, [0, last, this.#random.below(level.length), this.#random.below(level.length)]);
    }
    const top = this.#levels[0];
    return (top && this.#tables.get(top.level)?.[0]) ?? 0n;
  }

  /** A table in a page of its own; a root in legacy modes lies below 4 GiB, and a PAE one is only 32-byte aligned. */
  #allocate(isRoot: boolean): bigint {
    const isLow = this.#mode === '32-bit' || (this.#mode === 'pae' && isRoot);
    const page = this.#physicalPage(isLow ? 32 : this.#machine.processor.maxPhyAddr);
    this.#memory.addPage(page);
    return this.#mode === 'pae' && isRoot ? page + BigInt(32 * this.#random.below(128)) : page;
  }

  /** Now and then the first page, the last one, or one beside 4 GiB: where a wrong width shows. */
  #physicalPage(width: number): bigint {
    const limit = 1n << BigInt(width);
    const edge = this.#random.pick([0n, limit - 0x1000n, 0xffff_f000n, 0x1_0000_0000n % limit]);
    const anywhere = this.#random.uint64() % limit;
    return (this.#random.chance(15) ? edge : anywhere) & ~0xfffn & ~this.#maskedBits();
  }

  /** What an address says in vain: the C-bit, and bit 20 with the A20 gate closed. */
  #maskedBits(): bigint {
    const { processor, registers } = this.#machine;
    const a20 = registers.a20 === false ? 1n << 20n : 0n;
    return a20 | this.#encryptionBit(processor.encryptionBit);
  }

  #encryptionBit(position: number | undefined): bigint {
    return position === undefined || this.#mode === '32-bit' || this.#mode === 'off' ? 0n : 1n << BigInt(position);
  }

  #registers(root: bigint): RandomTables['registers'] {
    if (this.#mode !== 'pae' || !this.#random.chance(40)) {
      return { cr3: this.#cr3(root) };
    }
    const latched = () => this.#pointerOfPae({ isLegal: true });
    const pdptes = [latched(), latched(), latched(), latched()] as const;
    // Nothing is read through CR3 any more, so it may as well lead nowhere.
    return { cr3: this.#cr3(this.#random.chance(20) ? this.#physicalPage(32) : root), pdptes };
  }

  #cr3(root: bigint): bigint {
    // The low bits are PWT, PCD, the PCID or ignored. In IA-32e mode those above the address are zero, as MOV to CR3 sees
    // to; in legacy modes bits 63:32, left from before, are not looked at.
    const low = this.#mode === 'pae' ? 0x1fn : 0xfffn;
    const isLegacy = this.#mode === 'pae' || this.#mode === '32-bit';
    const high = isLegacy ? this.#bits(30, 0xffff_ffff_0000_0000n) : this.#maskingBits();
    return root | (this.#random.uint64() & (low | high | this.#maskedBits()));
  }

  /** LAM's bits in CR3, which Intel's processors have in IA-32e mode. */
  #maskingBits(): bigint {
    const isIntel = this.#machine.processor.vendor === 'intel';
    return isIntel ? controlBits.cr3.lamU48 | controlBits.cr3.lamU57 : 0n;
  }

  #fill(table: bigint, level: Level): void {
    const size = this.#mode === '32-bit' ? 4 : 8;
    for (const index of this.#indices.get(level.level) ?? []) {
      this.#memory.poke(table + BigInt(index * size), size, this.#entry(level.level));
    }
  }

  #entry(level: number): bigint {
    if (this.#mode === '32-bit') {
      return this.#entry32Bit(level);
    }
    if (this.#mode === 'pae' && level === 3) {
      return this.#pointerOfPae({ isLegal: false });
    }
    return this.#entry64Bit(level);
  }

  #entry32Bit(level: number): bigint {
    const isLarge = level === 2 && this.#random.chance(35);
    if (!isLarge) {
      // Bit 7 of a PDE is the page size; in a PTE it is PAT and free.
      const free = level === 1 ? this.#bits(50, 0x80n) : this.#bits(3, 0x80n);
      return this.#lowFlags(level === 1) | free | BigInt.asUintN(32, this.#target(level, 32));
    }
    const width = Math.min(40, this.#machine.processor.maxPhyAddr);
    const high = this.#machine.processor.pse36 ? this.#random.uint64() & ((1n << BigInt(width - 32)) - 1n) : 0n;
    const address = (this.#random.uint64() & 0xffc0_0000n) | (high << 13n) | this.#bits(50, 0x1000n);
    return this.#lowFlags(true) | 0x80n | address | this.#bits(10, 1n << BigInt(this.#random.between(13, 21)));
  }

  /** Legal is what MOV to CR3 loads instead of refusing. */
  #pointerOfPae({ isLegal }: { isLegal: boolean }): bigint {
    const free = this.#random.uint64() & 0xe18n;
    const target = this.#target(3, this.#machine.processor.maxPhyAddr);
    const pointer = this.#bits(95, 1n) | free | target;
    const reserved = this.#random.pick([1n, 2n, 5n, 6n, 7n, 8n, 52n, 59n, 62n, 63n]);
    const beyond = BigInt(this.#random.between(12, 63));
    return isLegal ? pointer : pointer | this.#bits(4, 1n << reserved) | this.#bits(2, 1n << beyond);
  }

  #entry64Bit(level: number): bigint {
    const { maxPhyAddr } = this.#machine.processor;
    const isLarge = (level === 2 || (level === 3 && this.#mode !== 'pae')) && this.#random.chance(25);
    const address = isLarge ? this.#largePage(level, maxPhyAddr) : this.#target(level, maxPhyAddr);
    const pat = level === 1 ? this.#bits(50, 0x80n) : this.#bits(level > 3 ? 2 : 0, 0x80n);
    return (
      this.#lowFlags(isLarge || level === 1) | pat | address | this.#highFlags() | this.#bits(3, this.#oneReservedBit())
    );
  }

  #largePage(level: number, maxPhyAddr: number): bigint {
    const size = level === 3 ? 0x4000_0000n : 0x20_0000n;
    const address = (this.#random.uint64() % (1n << BigInt(maxPhyAddr))) & ~(size - 1n);
    const reserved = 1n << BigInt(this.#random.between(13, level === 3 ? 29 : 20));
    return 0x80n | this.#withMaskedBits(address) | this.#bits(50, 0x1000n) | this.#bits(8, reserved);
  }

  /** Where an entry leads: to the next table, rarely to any table (loops) or to no memory; from level 1, anywhere. */
  #target(level: number, width: number): bigint {
    const next = this.#tables.get(level - 1);
    if (next === undefined || this.#random.chance(3)) {
      return this.#withMaskedBits(this.#physicalPage(width));
    }
    if (this.#random.chance(4)) {
      return this.#withMaskedBits(this.#random.pick([...this.#tables.values()].flat()) & ~0xfffn);
    }
    return this.#withMaskedBits(this.#random.pick(next));
  }

  /** The same address, said with bits that do not count. */
  #withMaskedBits(address: bigint): bigint {
    return address | (this.#random.uint64() & this.#maskedBits());
  }

  /** P, R/W, U/S mostly set; PWT, PCD, A, D and the bits free to software as they fall. */
  #lowFlags(isLeaf: boolean): bigint {
    const isShadowStack =
      isLeaf && (this.#machine.registers.cr4 & controlBits.cr4.cet) !== 0n && this.#random.chance(40);
    const free = (this.#random.uint64() & 0xe78n) | (isShadowStack ? 0x40n : 0n);
    const allowing = this.#bits(95, 1n) | (isShadowStack ? 0n : this.#bits(80, 2n)) | this.#bits(80, 4n);
    return free | allowing | this.#bits(this.#machine.processor.vendor === 'amd' ? 5 : 50, 0x100n);
  }

  /** Bits 58:52 and the key, which PAE reserves, and XD, which EFER.NXE=0 reserves. */
  #highFlags(): bigint {
    const isLong = this.#mode !== 'pae';
    const hasXd = (this.#machine.registers.efer & 0x800n) !== 0n;
    const software = isLong && this.#random.chance(40) ? this.#random.uint64() & (0x7fn << 52n) : 0n;
    const key = isLong && this.#random.chance(60) ? BigInt(this.#random.below(16)) << 59n : 0n;
    return software | key | this.#bits(hasXd ? 12 : 2, 1n << 63n);
  }

  #oneReservedBit(): bigint {
    const { maxPhyAddr } = this.#machine.processor;
    const position = this.#random.chance(50) ? this.#random.between(12, 62) : Math.max(maxPhyAddr, 40);
    return 1n << BigInt(Math.min(position, 62));
  }

  #bits(percent: number, bits: bigint): bigint {
    return this.#random.chance(percent) ? bits : 0n;
  }

  #linearAddress(random: Random): bigint {
    if (random.chance(2)) {
      return random.uint64();
    }
    if (random.chance(3)) {
      return random.pick(edges);
    }
    let address = BigInt(random.below(4096));
    for (const level of this.#levels) {
      address |= BigInt(random.pick(this.#indices.get(level.level) ?? [0])) << level.shift;
    }
    return this.#extend(random, address);
  }

  /** Makes an address canonical, or in one case of fifty leaves it as it is. */
  #extend(random: Random, address: bigint): bigint {
    const width = { off: 32, '32-bit': 32, pae: 32, '4-level': 48, '5-level': 57 }[this.#mode];
    if (this.#mode === 'off') {
      return random.uint64() & (random.chance(90) ? 0xffff_ffffn : 0xf_ffff_ffffn);
    }
    if (width === 32 || random.chance(2)) {
      return random.chance(2) ? address | (1n << BigInt(random.between(32, 63))) : address;
    }
    return this.#tag(random, BigInt.asUintN(64, BigInt.asIntN(width, address)));
  }

  /** Puts a tag into the bits that LAM or UAI may let pass, and now and then into one bit beside them. */
  #tag(random: Random, address: bigint): bigint {
    if (!random.chance(40)) {
      return address;
    }
    const tagged = random.pick([0x7e00_0000_0000_0000n, 0x7fff_0000_0000_0000n, 0xfe00_0000_0000_0000n]);
    const wrong = random.chance(10) ? 1n << BigInt(random.between(46, 63)) : 0n;
    return ((address & ~tagged) | (random.uint64() & tagged)) ^ wrong;
  }
}

/** The levels from `top` down to 1, each `bits` below the one above; only the root may have another length. */
function levelsOf(top: number, topShift: number, bits: number, rootLength: number, length: number): Level[] {
  return Array.from({ length: top }, (_, depth) => ({
    level: top - depth,
    shift: BigInt(topShift - depth * bits),
    length: depth === 0 ? rootLength : length,
  }));
}
