import { mappingsOf } from '../../picture/internal.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';

/** What a search leads to. @internal */
export interface Found {
  readonly address: bigint | null;
  /** The pages to be seen. */
  readonly first: number;
  readonly end: number;
  readonly message: string;
}

const MOST_MAPPINGS = 64;

/**
 * A linear address, `phys:` and a physical one, or a part of a name.
 *
 * @param after - of several places the one after this page
 * @returns a sentence where nothing was found
 * @internal
 */
export function findPlace(text: string, moment: LoadedMoment, { pieces }: Space, after: number): Found | string {
  const wanted = text.trim();
  const [, physical] = /^phys:\s*(.+)$/i.exec(wanted) ?? [];
  const address = numberOf(physical ?? wanted);
  if (physical !== undefined) {
    if (address === null) return `"${physical}" is no physical address`;
    const pages = mappingsOf(pieces, Number(address >> 12n), MOST_MAPPINGS);
    const page = pages.find((each) => each > after) ?? pages[0];
    if (page === undefined) return `no page leads to physical ${wanted.slice(5).trim()}`;
    return {
      address: moment.addressOf(page) | (address & 0xfffn),
      first: page,
      end: page + 1,
      message: `place ${pages.indexOf(page) + 1} of ${pages.length}${pages.length === MOST_MAPPINGS ? ' or more' : ''} that leads there`,
    };
  }
  if (address !== null) {
    const page = moment.pageOf(address);
    return { address, first: page, end: page + 1, message: '' };
  }
  const names = moment.heading.names
    .filter(({ text: name }) => name.toLowerCase().includes(wanted.toLowerCase()))
    .map((name) => ({ name, page: moment.pageOf(name.first) }));
  const next = names.find(({ page }) => page > after) ?? names[0];
  if (next === undefined) return `nothing here is named "${wanted}"; an address is 0x…, a physical one phys:0x…`;
  return {
    address: next.name.first,
    first: next.page,
    end: moment.pageOf(next.name.last) + 1,
    message: `${next.name.text}: ${names.indexOf(next) + 1} of ${names.length}`,
  };
}

function numberOf(text: string): bigint | null {
  const digits = text.replace(/[_`]/g, '');
  if (/^0x[0-9a-f]{1,16}$/i.test(digits)) return BigInt(digits);
  return /^[0-9a-f]{12,16}$/i.test(digits) ? BigInt(`0x${digits}`) : null;
}
