import type { Random } from '../../../support/random/random.ts';
import { WINDOW } from '../layout.ts';
import type { PagedMode } from '../paged-mode.ts';

/** Addresses at which a rule changes: ends of the halves with 47, 48, 56 and 57 bits, and of 32 bits. */
const edges: readonly bigint[] = [
  0n,
  0x7fff_fff0n,
  0x8000_0000n,
  0xffff_fff0n,
  0x1_0000_0000n,
  0x7fff_ffff_fff0n,
  0x8000_0000_0000n,
  0xffff_ffff_fff0n,
  0x1_0000_0000_0000n,
  0x00ff_ffff_ffff_fff0n,
  0x0100_0000_0000_0000n,
  0x7fff_ffff_ffff_fff0n,
  0x8000_0000_0000_0000n,
  0xfeff_ffff_ffff_fff0n,
  0xff00_0000_0000_0000n,
  0xffff_7fff_ffff_fff0n,
  0xffff_8000_0000_0000n,
  0xffff_ffff_ffff_fff0n,
];

const widths: Readonly<Record<PagedMode, number>> = { '32-bit': 32, pae: 32, '4-level': 48, '5-level': 57 };
/** Bits 29:21 that make an address in a 1 GiB page fall on the test's pages: 0x0300_0000 to 0x037f_ffff. */
const FIRST_REGION_OF_PAGES = 24;
const REGIONS_OF_PAGES = 4;

/** An address, a multiple of 16, but not in the kernel's window. */
export function randomAddress(random: Random, mode: PagedMode): bigint {
  for (;;) {
    const address = anyAddress(random, mode);
    const isWindow =
      address >> 14n === (mode === '32-bit' || mode === 'pae' ? BigInt.asUintN(32, WINDOW) : WINDOW) >> 14n;
    if (!isWindow) return address;
  }
}

function anyAddress(random: Random, mode: PagedMode): bigint {
  const width = widths[mode];
  if (random.chance(2)) return width === 32 ? BigInt.asUintN(32, random.pick(edges)) : random.pick(edges);
  const low = BigInt(lowHalf(random));
  if (width === 32) return low;
  const address = (BigInt(random.uint32()) << 32n) | low;
  if (random.chance(1)) return address;
  const canonical = BigInt.asUintN(64, BigInt.asIntN(width, address));
  return random.chance(2) ? canonical ^ (1n << BigInt(random.between(width - 1, 63))) : canonical;
}

function lowHalf(random: Random): number {
  const low = random.uint32() & ~15;
  if (random.chance(60)) return low >>> 0;
  const region = FIRST_REGION_OF_PAGES + random.below(REGIONS_OF_PAGES);
  return ((low & ~(0x1ff << 21)) | (region << 21)) >>> 0;
}
