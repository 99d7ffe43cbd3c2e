import {
  type BitFlags,
  createContext,
  type EntrySource,
  type PagingContext,
  planBits,
  type Translation,
  translate,
} from '../../../src/paging/index.ts';
import { controlBits } from '../../support/reference/reference-machine.ts';
import { FLAG } from './flags.ts';

/** What the walker under test made of a case. One object serves all cases. @internal */
export interface MatrixOutcome {
  errorCode: number | null;
  /** Where the address leads, 0 if nowhere. */
  physicalAddress: bigint;
  pteAccessed: boolean;
  pteDirty: boolean;
  pdeAccessed: boolean;
  pdeDirty: boolean;
}

/** Where the two kinds of page lie, offset included. @internal */
export const matrixPages = { small: 0x6abcn, large: 0x4038_9abcn } as const;

const tables = { pml5: 0x1000n, pml4: 0x2000n, pdpt: 0x3000n, pd: 0x4000n, pt: 0x5000n } as const;
// Bits 20:0 are 0x18_9abc, and a 2 MiB page at 0x4020_0000 is used: the offset is or-ed in.
const linearAddress = 0x1234_5678_9abcn;
const linearAddress57 = 0xab_1234_5678_9abcn;

const accessedBit = 1n << 5n;
const dirtyBit = 1n << 6n;
const open = 0x7n;

/** Everything of a case that is not the access itself. */
const cpuMask = FLAG.cpuNxe | FLAG.cpuWriteProtect | FLAG.cpuSmep | FLAG.cpuPke;
const contextMask = cpuMask | FLAG.pkruAccessDisable | FLAG.pkruWriteDisable;

const supervisorRead = { write: false, user: false, exec: false } as const;
const readFlags: BitFlags = { setAccessed: true, setDirty: false, forceSetAccessed: true };
const writeFlags: BitFlags = { setAccessed: true, setDirty: true, forceSetAccessed: true };

/**
 * Runs cases through the public walker: real tables of one page, `translate`, and `planBits` carried out on them.
 *
 * @internal
 */
export class MatrixWalker {
  readonly #fiveLevel: boolean;
  readonly #maxPhyAddr: number;
  readonly #contexts = new Map<number, PagingContext>();
  readonly #memory: EntrySource = { readEntry: (address) => this.#entryAt(address) };
  #pdpte = 0n;
  #pde = 0n;
  #pte = 0n;
  readonly #outcome: MatrixOutcome = {
    errorCode: null,
    physicalAddress: 0n,
    pteAccessed: false,
    pteDirty: false,
    pdeAccessed: false,
    pdeDirty: false,
  };

  constructor(mode: '4-level' | '5-level', maxPhyAddr: number) {
    this.#fiveLevel = mode === '5-level';
    this.#maxPhyAddr = maxPhyAddr;
  }

  /** The outcome of one case; valid until the next call. */
  run(flags: number): MatrixOutcome {
    const context = this.#contextOf(flags);
    this.#layEntries(flags);
    if ((flags & FLAG.accessTwice) !== 0) {
      this.#carryOut(this.#translate(context, supervisorRead), readFlags);
    }
    const isWrite = (flags & FLAG.accessWrite) !== 0;
    const translation = this.#translate(context, {
      write: isWrite,
      user: (flags & FLAG.accessUser) !== 0,
      exec: (flags & FLAG.accessFetch) !== 0,
    });
    this.#carryOut(translation, isWrite ? writeFlags : readFlags);
    return this.#report(translation);
  }

  #translate(context: PagingContext, access: { write: boolean; user: boolean; exec: boolean }): Translation {
    return translate(context, this.#memory, this.#fiveLevel ? linearAddress57 : linearAddress, access);
  }

  #contextOf(flags: number): PagingContext {
    const key = flags & contextMask;
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      return known;
    }
    const context = this.#makeContext(key);
    this.#contexts.set(key, context);
    return context;
  }

  #makeContext(flags: number): PagingContext {
    const { cr0, cr4, efer } = controlBits;
    const bitsIf = (flag: number, bits: bigint) => ((flags & flag) === 0 ? 0n : bits);
    const key1 = ((flags & FLAG.pkruAccessDisable) === 0 ? 0 : 0x4) | ((flags & FLAG.pkruWriteDisable) === 0 ? 0 : 0x8);
    return createContext(
      {
        cr0: cr0.pg | 0x11n | bitsIf(FLAG.cpuWriteProtect, cr0.wp),
        cr3: this.#fiveLevel ? tables.pml5 : tables.pml4,
        cr4:
          cr4.pae | (this.#fiveLevel ? cr4.la57 : 0n) | bitsIf(FLAG.cpuSmep, cr4.smep) | bitsIf(FLAG.cpuPke, cr4.pke),
        efer: efer.lme | efer.lma | bitsIf(FLAG.cpuNxe, efer.nxe),
        // Key 2, which only a non-leaf entry has, denies everything.
        pkru: key1 | 0x30,
      },
      { maxPhyAddr: this.#maxPhyAddr },
    );
  }

  #layEntries(flags: number): void {
    const isKeyed = (flags & FLAG.leafKey) !== 0;
    this.#pdpte = (flags & FLAG.pdpteReadOnly) === 0 ? tables.pd | open : (tables.pd | open) & ~2n;
    this.#pde = (isKeyed ? keyedPdes : plainPdes)[(flags & pdeMask) >>> pdeShift] ?? 0n;
    this.#pte = (isKeyed ? keyedPtes : plainPtes)[flags & pteMask] ?? 0n;
  }

  #entryAt(address: bigint): bigint | null {
    switch (address & ~0xfffn) {
      case tables.pt:
        return this.#pte;
      case tables.pd:
        return this.#pde;
      case tables.pdpt:
        return this.#pdpte;
      case tables.pml4:
        return tables.pdpt | open;
      case tables.pml5:
        return tables.pml4 | open;
      default:
        return null;
    }
  }

  /** Sets the planned bits in the PDE and the PTE; the entries above are not part of the matrix. */
  #carryOut(translation: Translation, flags: BitFlags): void {
    for (const planned of planBits(translation, flags)) {
      const bits = (planned.accessed ? accessedBit : 0n) | (planned.dirty ? dirtyBit : 0n);
      if (planned.level === 2) {
        this.#pde |= bits;
      } else if (planned.level === 1) {
        this.#pte |= bits;
      }
    }
  }

  #report(translation: Translation): MatrixOutcome {
    const outcome = this.#outcome;
    outcome.errorCode = translation.kind === 'fault' ? translation.errorCode : null;
    outcome.physicalAddress = translation.kind === 'mapped' ? translation.physicalAddress : 0n;
    outcome.pteAccessed = (this.#pte & accessedBit) !== 0n;
    outcome.pteDirty = (this.#pte & dirtyBit) !== 0n;
    outcome.pdeAccessed = (this.#pde & accessedBit) !== 0n;
    outcome.pdeDirty = (this.#pde & dirtyBit) !== 0n;
    return outcome;
  }
}

const pteBits: readonly (readonly [number, bigint])[] = [
  [FLAG.ptePresent, 1n << 0n],
  [FLAG.pteWritable, 1n << 1n],
  [FLAG.pteUser, 1n << 2n],
  [FLAG.pteAccessed, accessedBit],
  [FLAG.pteDirty, dirtyBit],
  [FLAG.pteBit36, 1n << 36n],
  [FLAG.pteBit51, 1n << 51n],
  [FLAG.pteNoExecute, 1n << 63n],
];

const pdeBits: readonly (readonly [number, bigint])[] = [
  [FLAG.pdePresent, 1n << 0n],
  [FLAG.pdeWritable, 1n << 1n],
  [FLAG.pdeUser, 1n << 2n],
  [FLAG.pdeAccessed, accessedBit],
  [FLAG.pdeDirty, dirtyBit],
  [FLAG.pdePageSize, 1n << 7n],
  [FLAG.pdeBit13, 1n << 13n],
  [FLAG.pdeBit36, 1n << 36n],
  [FLAG.pdeBit51, 1n << 51n],
  [FLAG.pdeNoExecute, 1n << 63n],
];

// All entries there are, made once: the flags of a PTE are the case's lowest bits, those of a PDE the next ones.
const pteMask = FLAG.pdePresent - 1;
const pdeShift = 8;
const pdeMask = FLAG.pdpteReadOnly - 1 - pteMask;

const plainPtes = everyEntry(pteMask, 0, (flags) => pteOf(flags));
const keyedPtes = everyEntry(pteMask, 0, (flags) => pteOf(flags) | (1n << 59n));
const plainPdes = everyEntry(pdeMask, pdeShift, (flags) => pdeOf(flags));
const keyedPdes = everyEntry(pdeMask, pdeShift, (flags) => {
  return pdeOf(flags) | ((flags & FLAG.pdePageSize) === 0 ? 2n << 59n : 1n << 59n);
});

function everyEntry(mask: number, shift: number, entryOf: (flags: number) => bigint): bigint[] {
  return Array.from({ length: (mask >>> shift) + 1 }, (_, index) => entryOf(index << shift));
}

function pteOf(flags: number): bigint {
  return (matrixPages.small & ~0xfffn) | flagBits(flags, pteBits);
}

function pdeOf(flags: number): bigint {
  const target = (flags & FLAG.pdePageSize) === 0 ? tables.pt : matrixPages.large & ~0x1f_ffffn;
  return target | flagBits(flags, pdeBits);
}

function flagBits(flags: number, bits: readonly (readonly [number, bigint])[]): bigint {
  let entry = 0n;
  for (const [flag, bit] of bits) {
    if ((flags & flag) !== 0) {
      entry |= bit;
    }
  }
  return entry;
}
