import type { FoundPlace, FoundPlaces } from '../moment/found-places.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import type { MomentFeed } from '../moment/moment-feed.ts';

const MOST_MAPPINGS = 64;

/**
 * A linear address, `phys:` and a physical one, the name of a symbol, or a part of another name.
 *
 * @returns a sentence where nothing was found
 * @internal
 */
export async function findPlaces(
  text: string,
  moment: LoadedMoment,
  space: Space,
  feed: MomentFeed,
): Promise<FoundPlaces | string> {
  const wanted = text.trim();
  const [, physical] = /^phys:\s*(.+)$/i.exec(wanted) ?? [];
  if (physical !== undefined) return findMappings(physical.trim(), moment, space);
  const address = numberOf(wanted);
  if (address !== null) {
    return moment.addressOf(moment.pageOf(address)) === address - (address & 0xfffn)
      ? { places: [{ address, text: '' }], more: '' }
      : `there is no address ${wanted} in this paging mode`;
  }
  const named = findNames(wanted, moment);
  const symbols = (await feed.symbols?.find(wanted)) ?? null;
  const places = [...named, ...(symbols?.places ?? [])];
  if (places.length > 0) return { places, more: symbols?.more ?? '' };
  const help = 'an address is 0x…, a physical one phys:0x…';
  if (symbols === null) {
    return `nothing here is named "${wanted}"; ${help}; symbols are known with --names`;
  }
  const modules = symbols.hasModules ? '' : ' (symbols of modules are not searched)';
  return `no symbol and nothing else here is named "${wanted}"${modules}; ${help}`;
}

function findMappings(text: string, moment: LoadedMoment, space: Space): FoundPlaces | string {
  const address = numberOf(text);
  if (address === null) return `"${text}" is no physical address`;
  const { pages, isWhole } = moment.mappingsOf(space, Number(address >> 12n), MOST_MAPPINGS);
  const unknown = isWhole ? '' : '; where scattered pages lead is not known';
  if (pages.length === 0)
    return isWhole ? `no page leads to physical ${text}` : `no page is known to lead to physical ${text}${unknown}`;
  return {
    places: pages.map((page) => ({
      address: moment.addressOf(page) | (address & 0xfffn),
      text: `leads to physical ${text}`,
    })),
    more: `${pages.length === MOST_MAPPINGS ? ' or more' : ''}${unknown}`,
  };
}

function findNames(wanted: string, moment: LoadedMoment): readonly FoundPlace[] {
  const lower = wanted.toLowerCase();
  const names = moment.heading.names.filter(({ text }) => text.toLowerCase().includes(lower));
  return names.map(({ first, last, text }) => ({ address: first, text, endPage: moment.pageOf(last) + 1 }));
}

function numberOf(text: string): bigint | null {
  const digits = text.replace(/[_`]/g, '');
  if (/^0x[0-9a-f]{1,16}$/i.test(digits)) return BigInt(digits);
  return /^[0-9a-f]{12,16}$/i.test(digits) ? BigInt(`0x${digits}`) : null;
}
