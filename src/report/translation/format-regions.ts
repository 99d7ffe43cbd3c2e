import type { ReportedRegion } from './reported-translation.ts';

const WORDS: Readonly<Record<ReportedRegion['kind'], string>> = {
  ram: 'RAM',
  rom: 'ROM',
  device: 'device',
  none: 'nothing',
};

/** Tables of test kernels lead to dozens; JSON has them all. */
const MOST_SHOWN = 4;

/** `RAM pc.ram, device vga`; of very many the first, and how many more. @internal */
export function formatRegions(regions: readonly ReportedRegion[]): string {
  const shown = regions.length > MOST_SHOWN ? regions.slice(0, MOST_SHOWN - 1) : regions;
  const rest = regions.length - shown.length;
  return [...shown.map(describeRegion), ...(rest === 0 ? [] : [`${rest} more`])].join(', ');
}

/** What no region is may have a name of its own: `not in the dump`. */
function describeRegion({ kind, name }: ReportedRegion): string {
  if (name === '') return WORDS[kind];
  return kind === 'none' ? name : `${WORDS[kind]} ${name}`;
}
