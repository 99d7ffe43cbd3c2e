import { accessOf, controlBits } from '../reference/reference-machine.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMode } from '../reference/reference-translation.ts';
import type { Random } from './random.ts';

const { cr0: cr0Bits, cr4: cr4Bits, efer: eferBits } = controlBits;

/** Every access the architecture knows of: no write is a fetch, and an implicit access is data and supervisor. */
const ordinaryAccesses = ['', 'w', 'x', 'u', 'wu', 'xu', 'i', 'wi'] as const;
const shadowStackAccesses = ['k', 'wk', 'ku', 'wku'] as const;

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
  const cr0 = randomCr0(random, mode);
  return {
    registers: {
      cr0,
      cr3: 0n,
      cr4: randomCr4(random, mode, vendor, cr0),
      efer: randomEfer(random, mode, vendor),
      rflags: random.uint64() & 0x3f_ffffn,
      pkru: randomKeys(random),
      pkrs: randomKeys(random),
      ...(random.chance(10) ? { a20: random.chance(10) } : {}),
    },
    processor: {
      maxPhyAddr: randomWidth(random),
      vendor,
      pse36: random.chance(75),
      pdpe1gb: random.chance(75),
      ...(random.chance(20) ? { encryptionBit: randomEncryptionBit(random, mode) } : {}),
    },
  };
}

/** An access that a machine can make: to a shadow stack only where there are any. @internal */
export function randomAccess(random: Random, machine: ReferenceMachine): ReferenceAccess {
  const hasShadowStacks = (machine.registers.cr4 & cr4Bits.cet) !== 0n;
  if (hasShadowStacks && random.chance(40)) {
    return accessOf(random.pick(shadowStackAccesses));
  }
  const letters = random.pick(ordinaryAccesses);
  // A fetch is relative to CS and an implicit access to no segment at all.
  const segment = /[xi]/.test(letters) ? '' : random.pick(['', '', 's', 'f']);
  return accessOf(letters + segment);
}

/** Often where processors have it. With 32-bit paging it lies above what PSE-36 can say. */
function randomEncryptionBit(random: Random, mode: ReferenceMode): number {
  return random.chance(50) ? random.pick([43, 47, 51]) : random.between(mode === '32-bit' ? 40 : 32, 51);
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

function randomCr4(
  random: Random,
  mode: ReferenceMode,
  vendor: ReferenceMachine['processor']['vendor'],
  cr0: bigint,
): bigint {
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
  // CET needs CR0.WP; LAM and LASS are Intel's.
  const cet = (cr0 & cr0Bits.wp) === 0n ? 0n : optional(random, 50, cr4Bits.cet);
  const preprocessing =
    vendor === 'intel' ? optional(random, 40, cr4Bits.lamSup) | optional(random, 20, cr4Bits.lass) : 0n;
  const pcide = isLong ? optional(random, 30, 1n << 17n) : 0n;
  return idle | judging | cet | preprocessing | pae | la57 | pcide | optional(random, 75, cr4Bits.pse);
}

function randomEfer(random: Random, mode: ReferenceMode, vendor: ReferenceMachine['processor']['vendor']): bigint {
  const isLong = mode === '4-level' || mode === '5-level';
  const lma = isLong ? eferBits.lme | eferBits.lma : 0n;
  // With paging off, LME may already be set: it takes effect when PG is.
  const early = mode === 'off' ? optional(random, 50, eferBits.lme) : 0n;
  const uaie = vendor === 'amd' ? optional(random, 40, eferBits.uaie) : 0n;
  return lma | early | uaie | optional(random, 70, eferBits.nxe) | optional(random, 50, 1n);
}

/** All allowed, a quarter of the bits, or anything. */
function randomKeys(random: Random): number {
  return random.pick([0, random.uint32() & random.uint32(), random.uint32()]) >>> 0;
}

function optional(random: Random, percent: number, bits: bigint): bigint {
  return random.chance(percent) ? bits : 0n;
}
