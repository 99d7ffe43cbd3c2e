import { type MapFilter, readMapFilter } from '../../report/index.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import { parseCount } from './parse-number.ts';

const MOST_KEYS = 15;

/**
 * Understands `--filter`: see `readMapFilter`.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseMapFilter(text: string, command: string): MapFilter {
  const filter = readMapFilter(text, (key) => parseCount(key, '--filter key', { least: 0, most: MOST_KEYS }, command));
  if (typeof filter === 'function') return filter;
  const { term, known } = filter;
  throw new UsageError(
    `--filter ${JSON.stringify(text)}: unknown right ${JSON.stringify(term)}; use ${known.join(', ')}, key=N; + is and, a comma is or${didYouMean(term, known)}`,
    command,
  );
}
