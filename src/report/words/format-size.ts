const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/**
 * A number of bytes as page sizes are written, `4K`, `2M`, `1G`; a number that is no whole multiple stays in the smaller unit.
 *
 * @public
 */
export function formatSize(sizeBytes: bigint | number): string {
  let rest = BigInt(sizeBytes);
  let unit = 0;
  while (rest !== 0n && rest % 1024n === 0n && unit < UNITS.length - 1) {
    rest /= 1024n;
    unit += 1;
  }
  return `${rest}${UNITS[unit]}`;
}
