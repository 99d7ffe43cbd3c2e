import type { PageAttributes } from '../../paging/index.ts';

/** Whether a page is wanted. @public */
export type MapFilter = (page: PageAttributes) => boolean;

/** A filter that says nothing: the term that is to blame, and the terms that there are. @public */
export interface MapFilterProblem {
  readonly term: string;
  readonly known: readonly string[];
}

const TERMS: Readonly<Record<string, MapFilter>> = {
  w: ({ rights }) => rights.write,
  ro: ({ rights }) => !rights.write && rights.read !== false,
  x: ({ rights }) => rights.exec,
  nx: ({ rights }) => !rights.exec,
  user: ({ rights }) => rights.user,
  supervisor: ({ rights }) => !rights.user,
  global: ({ global }) => global,
};

/**
 * Understands `w+x,user`: writable and executable, or for users. Terms are joined by `+` for and, and then by `,` for or.
 *
 * @param keyOf - the number behind `key=`; throws, or gives null, for what is none
 * @public
 */
export function readMapFilter(
  text: string,
  keyOf: (text: string) => number | null = readKey,
): MapFilter | MapFilterProblem {
  const alternatives: MapFilter[][] = [];
  for (const alternative of text.toLowerCase().split(',')) {
    const terms: MapFilter[] = [];
    for (const term of alternative.split('+')) {
      const filter = readTerm(term, keyOf);
      if (filter === null) return { term, known: Object.keys(TERMS) };
      terms.push(filter);
    }
    alternatives.push(terms);
  }
  return (page) => alternatives.some((terms) => terms.every((isWanted) => isWanted(page)));
}

function readTerm(term: string, keyOf: (text: string) => number | null): MapFilter | null {
  const known = Object.hasOwn(TERMS, term) ? TERMS[term] : undefined;
  if (known !== undefined) return known;
  const [, text] = /^key=(.*)$/.exec(term) ?? [];
  const wanted = text === undefined ? null : keyOf(text);
  return wanted === null ? null : ({ protectionKey }) => protectionKey === wanted;
}

/** Keys have four bits. */
function readKey(text: string): number | null {
  return /^(?:[0-9]|1[0-5])$/.test(text) ? Number(text) : null;
}
