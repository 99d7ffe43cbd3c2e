import { formatSize } from '../../report/index.ts';

/** How much pages are, in bytes with a unit. @internal */
export function formatPages(pages: number): string {
  const bytes = pages * 4096;
  const exact = formatSize(BigInt(Math.round(pages)) << 12n);
  if (exact.length <= 5) return exact;
  const unit = ['K', 'M', 'G', 'T', 'P'].findLast((_, nth) => bytes >= 1024 ** (nth + 1)) ?? 'K';
  const exponent = 'KMGTP'.indexOf(unit) + 1;
  return `${(bytes / 1024 ** exponent).toFixed(1)}${unit}`;
}
