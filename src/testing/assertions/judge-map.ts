import { formatHex, formatMapHeading, formatMappedRange, PLAIN } from '../../report/index.ts';
import type { GuestMap, GuestMapRange } from '../answers/guest-map.ts';
import { type RightsText, requireRights, sameRights } from './judge-answer.ts';
import { makeVerdict, requirePass, type Verdict } from './verdict.ts';

/** How many ranges a message shows. */
const SHOWN_RANGES = 10;
const UPPER_HALF = 1n << 63n;

/** Part of a map, both ends inclusive. @public */
export interface MapPart {
  readonly first: bigint;
  readonly last: bigint;
}

/** What a map is expected to have none of. @public */
export type UnwantedPages = 'writableExecutable' | 'userAccessible' | 'userAccessibleInUpperHalf' | 'pages';

const UNWANTED: Readonly<
  Record<UnwantedPages, { readonly words: string; readonly test: (range: GuestMapRange) => boolean }>
> = {
  writableExecutable: { words: 'writable and executable pages', test: ({ rights }) => rights.write && rights.exec },
  userAccessible: { words: 'user-accessible pages', test: ({ rights }) => rights.user },
  userAccessibleInUpperHalf: {
    words: 'user-accessible pages in the upper half',
    test: ({ rights, first }) => rights.user && first >= UPPER_HALF,
  },
  pages: { words: 'pages', test: () => true },
};

/** Whether a map has nothing of a kind. An incomplete map does not show that. @internal */
export function judgeNone(map: GuestMap, unwanted: UnwantedPages): Verdict {
  const { words, test } = UNWANTED[unwanted];
  const found = map.ranges.filter(test);
  const pass = found.length === 0 && map.complete;
  const problem = found.length > 0 ? `it has ${countRanges(found.length)}` : 'the map is incomplete';
  const expected = { expected: `to have no ${words}`, negated: `to have ${words}` };
  return judge(map, pass, expected, pass ? 'it has none' : problem, found);
}

/** Whether all that is mapped of a part has the rights, and anything is mapped there. @internal */
export function judgeRights(map: GuestMap, rights: RightsText, part: MapPart = map): Verdict {
  requireRights(rights);
  const inside = map.ranges.filter(({ first, last }) => last >= part.first && first <= part.last);
  const others = inside.filter((range) => !sameRights(range.rights, rights));
  const where = `from ${formatHex(part.first)} to ${formatHex(part.last)}`;
  const pass = inside.length > 0 && others.length === 0 && map.complete;
  const problem =
    inside.length === 0
      ? 'nothing is mapped there'
      : others.length > 0
        ? `it has ${countRanges(others.length)} with other rights`
        : 'the map is incomplete';
  return judge(
    map,
    pass,
    { expected: `to be ${rights} ${where}` },
    pass ? 'it is' : problem,
    others.length > 0 ? others : inside,
  );
}

function judge(
  map: GuestMap,
  pass: boolean,
  expected: { readonly expected: string; readonly negated?: string },
  found: string,
  ranges: readonly GuestMapRange[],
): Verdict {
  return makeVerdict(pass, { subject: 'the map', ...expected, found, shown: showRanges(map, ranges) });
}

function countRanges(count: number): string {
  return count === 1 ? '1 range' : `${count} ranges`;
}

/** As `pagewalk map` prints them. */
function showRanges(map: GuestMap, ranges: readonly GuestMapRange[]): string {
  const { cpu, mode, space, first, last, assumed } = map;
  const heading = formatMapHeading(
    { of: 'ranges', cpu, mode, space, nested: null, first, last, filter: null, assumed },
    PLAIN,
  );
  // Without a table there is none of its heading.
  if (ranges.length === 0) return heading.split('\n', 1).join('');
  const lines = ranges.slice(0, SHOWN_RANGES).map((range) => formatMappedRange(range, range.regions, mode, PLAIN));
  const more = ranges.length > SHOWN_RANGES ? [`… and ${ranges.length - SHOWN_RANGES} more`] : [];
  return [heading, ...lines, ...more].join('').trimEnd();
}

/**
 * Expects that nothing is both writable and executable: W^X.
 *
 * @throws ExpectationError `ERR_TESTING_EXPECTATION`, whose message has the first ten ranges that are
 * @public
 */
export function expectNoWritableExecutable(map: GuestMap): void {
  requirePass(judgeNone(map, 'writableExecutable'));
}

/** Expects that a map has nothing of a kind. @throws as {@link expectNoWritableExecutable}. @public */
export function expectNone(map: GuestMap, unwanted: UnwantedPages): void {
  requirePass(judgeNone(map, unwanted));
}

/**
 * Expects all that is mapped of a part to have these rights, and anything to be mapped there.
 *
 * @throws as {@link expectNoWritableExecutable}.
 * @public
 */
export function expectRights(map: GuestMap, rights: RightsText, part: MapPart = map): void {
  requirePass(judgeRights(map, rights, part));
}
