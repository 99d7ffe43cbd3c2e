const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/** A number of bytes to the tenth of the largest unit it has one of: `10.2G`; without the tenth it is exact: `4K`. @internal */
export function formatRoundedSize(sizeBytes: bigint): string {
  let unit = 0;
  let scale = 1n;
  while (unit < UNITS.length - 1 && sizeBytes >= scale * 1024n) {
    scale *= 1024n;
    unit += 1;
  }
  const tenths = (sizeBytes * 10n + scale / 2n) / scale;
  const isExact = sizeBytes % scale === 0n;
  return `${tenths / 10n}${isExact ? '' : `.${tenths % 10n}`}${UNITS[unit]}`;
}
