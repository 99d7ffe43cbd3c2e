import { lowerBound } from '../../picture/internal.ts';

/** Pages that have a name. @internal */
export interface NamedPages {
  readonly first: number;
  readonly end: number;
  readonly text: string;
}

/** The number of the first name that does not end before a page. @internal */
export function nameFrom(names: readonly NamedPages[], page: number): number {
  return lowerBound(names.length, (at) => (names[at] as NamedPages).end <= page);
}

/** The name of a page; null where it has none. @internal */
export function nameOfPage(names: readonly NamedPages[], page: number): string | null {
  const name = names[nameFrom(names, page)];
  return name === undefined || name.first > page ? null : name.text;
}
