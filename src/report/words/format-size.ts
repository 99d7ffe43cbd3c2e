const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/**
 * A number of bytes as page sizes are written, `4K`, `2M`, `1G`; a number that is no whole multiple stays in the smaller unit.
 *
 * @public
 */
export function formatSize(sizeBytes: bigint | number): string {
  if (sizeBytes <= Number.MAX_SAFE_INTEGER) return formatSafeSize(Number(sizeBytes));
  const rest = BigInt(sizeBytes);
  return rest % 1024n === 0n ? formatSafeSize(Number(rest / 1024n), 1) : `${rest}`;
}

/** With numbers: a map of a million ranges has a million sizes. */
function formatSafeSize(count: number, unitOfCount = 0): string {
  let rest = count;
  let unit = unitOfCount;
  while (rest !== 0 && rest % 1024 === 0 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest}${UNITS[unit]}`;
}
