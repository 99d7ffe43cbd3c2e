import type { ReportedRegion } from './reported-translation.ts';

const WORDS: Readonly<Record<ReportedRegion['kind'], string>> = {
  ram: 'RAM',
  rom: 'ROM',
  device: 'device',
  none: 'nothing',
};

/** `RAM pc.ram, device vga`. @internal */
export function formatRegions(regions: readonly ReportedRegion[]): string {
  return regions.map(({ kind, name }) => (name === '' ? WORDS[kind] : `${WORDS[kind]} ${name}`)).join(', ');
}
