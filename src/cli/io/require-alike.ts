import { formatHex } from '../../report/index.ts';
import { InputFileError } from '../errors.ts';
import type { SavedMap, SavedMapHeading } from './saved-map.ts';

/** What must be the same for a comparison to say anything, in words. */
const ALIKE: readonly (readonly [keyof SavedMapHeading, (heading: SavedMapHeading) => string])[] = [
  ['of', ({ of }) => (of === 'pages' ? 'pages (--leaves)' : 'ranges')],
  ['filter', ({ filter }) => (filter === null ? 'everything' : `--filter ${filter}`)],
  ['first', describeRange],
  ['last', describeRange],
];

function describeRange({ first, last }: SavedMapHeading): string {
  return `--range ${formatHex(first)}-${formatHex(last)}`;
}

/**
 * Only maps of the same things can be compared.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for others.
 * @internal
 */
export function requireAlike(
  before: Pick<SavedMap, 'name' | 'heading'>,
  after: Pick<SavedMap, 'name' | 'heading'>,
): void {
  for (const [name, describe] of ALIKE) {
    if (before.heading[name] === after.heading[name]) continue;
    const problem = `is a map of ${describe(after.heading)}, and ${before.name} one of ${describe(before.heading)}`;
    throw new InputFileError(after.name, 1, problem);
  }
}
