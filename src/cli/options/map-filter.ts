import type { PageAttributes } from '../../paging/index.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import { parseCount } from './parse-number.ts';

/** Whether a page is wanted. @internal */
export type MapFilter = (page: PageAttributes) => boolean;

const TERMS: Readonly<Record<string, MapFilter>> = {
  w: ({ rights }) => rights.write,
  ro: ({ rights }) => !rights.write && rights.read !== false,
  x: ({ rights }) => rights.exec,
  nx: ({ rights }) => !rights.exec,
  user: ({ rights }) => rights.user,
  supervisor: ({ rights }) => !rights.user,
  global: ({ global }) => global,
};
const MOST_KEYS = 15;

/**
 * Understands `w+x,user`: writable and executable, or for users. Terms are joined by `+` for and, and then by `,` for or.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseMapFilter(text: string, command: string): MapFilter {
  const alternatives = text
    .toLowerCase()
    .split(',')
    .map((alternative) => alternative.split('+').map((term) => parseTerm(term, text, command)));
  return (page) => alternatives.some((terms) => terms.every((isWanted) => isWanted(page)));
}

function parseTerm(term: string, text: string, command: string): MapFilter {
  const known = Object.hasOwn(TERMS, term) ? TERMS[term] : undefined;
  if (known) return known;
  const [, key] = /^key=(.*)$/.exec(term) ?? [];
  if (key === undefined) {
    const names = Object.keys(TERMS);
    throw new UsageError(
      `--filter ${JSON.stringify(text)}: unknown right ${JSON.stringify(term)}; use ${names.join(', ')}, key=N; + is and, a comma is or${didYouMean(term, names)}`,
      command,
    );
  }
  const wanted = parseCount(key, '--filter key', { least: 0, most: MOST_KEYS }, command);
  return ({ protectionKey }) => protectionKey === wanted;
}
