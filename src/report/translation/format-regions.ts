import type { ReportedRegion } from './reported-translation.ts';

const WORDS: Readonly<Record<ReportedRegion['kind'], string>> = {
  ram: 'RAM',
  rom: 'ROM',
  device: 'device',
  none: 'nothing',
};

/** `RAM pc.ram, device vga`. @internal */
export function formatRegions(regions: readonly ReportedRegion[]): string {
  return regions.map(describeRegion).join(', ');
}

/** What no region is may have a name of its own: `not in the dump`. */
function describeRegion({ kind, name }: ReportedRegion): string {
  if (name === '') return WORDS[kind];
  return kind === 'none' ? name : `${WORDS[kind]} ${name}`;
}
