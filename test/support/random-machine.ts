import type { Random } from './random.ts';
import { controlBits } from './reference-machine.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMode } from './reference-translation.ts';

const { cr0: cr0Bits, cr4: cr4Bits, efer: eferBits } = controlBits;

/** Every access the architecture knows of: no write is a fetch, and an implicit access is data and supervisor. @internal */
export const everyAccess: readonly ReferenceAccess[] = [
  { write: false, user: false, exec: false, implicit: false },
  { write: true, user: false, exec: false, implicit: false },
  { write: false, user: false, exec: true, implicit: false },
  { write: false, user: true, exec: false, implicit: false },
  { write: true, user: true, exec: false, implicit: false },
  { write: false, user: true, exec: true, implicit: false },
  { write: false, user: false, exec: false, implicit: true },
  { write: true, user: false, exec: false, implicit: true },
];

/**
 * A processor in a random state of those it can be in, in the mode asked for. CR3 is left at 0: tables come later.
 *
 * Bits that do not matter are drawn too (CD, PGE, PCIDE, LA57 outside IA-32e mode, flags), as a walker that looks at
 * them is wrong.
 *
 * @internal
 */
export function randomMachine(random: Random, mode: ReferenceMode): ReferenceMachine {
  const vendor = random.pick(['intel', 'amd'] as const);
  return {
    registers: {
      cr0: randomCr0(random, mode),
      cr3: 0n,
      cr4: randomCr4(random, mode),
      efer: randomEfer(random, mode),
      rflags: random.uint64() & 0x3f_ffffn,
      pkru: randomKeys(random),
      pkrs: randomKeys(random),
    },
    processor: {
      maxPhyAddr: randomWidth(random),
      vendor,
      pse36: random.chance(75),
      pdpe1gb: random.chance(75),
    },
  };
}

/** MAXPHYADDR, often one that processors have. */
function randomWidth(random: Random): number {
  return random.chance(50) ? random.pick([32, 36, 39, 40, 46, 48, 51, 52]) : random.between(32, 52);
}

function randomCr0(random: Random, mode: ReferenceMode): bigint {
  // MP, EM, TS, NE, AM, NW and CD: none has to do with translation.
  const idle = random.uint64() & 0x6004_002en;
  return 0x11n | idle | optional(random, 60, cr0Bits.wp) | (mode === 'off' ? 0n : cr0Bits.pg);
}

function randomCr4(random: Random, mode: ReferenceMode): bigint {
  const isLong = mode === '4-level' || mode === '5-level';
  // VME, PVI, TSD, DE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT and UMIP.
  const idle = random.uint64() & 0xfcfn;
  const judging =
    optional(random, 50, cr4Bits.smep) |
    optional(random, 50, cr4Bits.smap) |
    optional(random, 50, cr4Bits.pke) |
    optional(random, 50, cr4Bits.pks);
  const pae = isLong || mode === 'pae' || (mode === 'off' && random.chance(50)) ? cr4Bits.pae : 0n;
  const la57 = mode === '5-level' || (!isLong && random.chance(25)) ? cr4Bits.la57 : 0n;
  const pcide = isLong ? optional(random, 30, 1n << 17n) : 0n;
  return idle | judging | pae | la57 | pcide | optional(random, 75, cr4Bits.pse);
}

function randomEfer(random: Random, mode: ReferenceMode): bigint {
  const isLong = mode === '4-level' || mode === '5-level';
  const lma = isLong ? eferBits.lme | eferBits.lma : 0n;
  // With paging off, LME may already be set: it takes effect when PG is.
  const early = mode === 'off' ? optional(random, 50, eferBits.lme) : 0n;
  return lma | early | optional(random, 70, eferBits.nxe) | optional(random, 50, 1n);
}

/** All allowed, a quarter of the bits, or anything. */
function randomKeys(random: Random): number {
  return random.pick([0, random.uint32() & random.uint32(), random.uint32()]) >>> 0;
}

function optional(random: Random, percent: number, bits: bigint): bigint {
  return random.chance(percent) ? bits : 0n;
}
