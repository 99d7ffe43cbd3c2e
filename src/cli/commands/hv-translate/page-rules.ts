import type { HvAccessTo, HvPages, HvVtlProtection } from '../../../abi/index.ts';
import type { MemoryMap } from '../../../guest/index.ts';
import { UsageError } from '../../errors.ts';
import { parseCount, parseNumber } from '../../options/parse-number.ts';
import { MOST_VTL } from './vtl-options.ts';

/** Numbers of guest physical pages, both ends inclusive. @internal */
export interface PageRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** What a VTL lets others do with pages. @internal */
export interface PageRule extends PageRange {
  readonly read: boolean;
  readonly write: boolean;
  /** The VTL whose protection it is; null for the parent's mapping. */
  readonly vtl: number | null;
}

const PAGE_BYTES = 4096;
const MOST_PAGES = 65_536n;

/**
 * `PAGE` or `FIRST-LAST`, page numbers.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parsePages(text: string, what: string, command: string): PageRange {
  const [start = '', end = start, stray] = text.split('-');
  if (stray !== undefined) throw new UsageError(`${what} ${JSON.stringify(text)} is not PAGE, nor FIRST-LAST`, command);
  const first = parseNumber(start, what, command);
  const last = parseNumber(end, what, command);
  if (last < first) throw new UsageError(`${what} ${JSON.stringify(text)} ends before it begins`, command);
  return { first, last };
}

/**
 * `PAGE=rwx`, `PAGE=r@VTL`, `FIRST-LAST=-`: what the parent's mapping, or the protection of a VTL, leaves.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parsePageRule(text: string, command: string): PageRule {
  const [, pages, rights, vtl] = /^([^=]+)=([rwx]+|-)(?:@(.*))?$/.exec(text) ?? [];
  if (pages === undefined || rights === undefined) {
    throw new UsageError(
      `--protect ${JSON.stringify(text)} is not PAGE=RIGHTS or PAGE=RIGHTS@VTL, with r, w, x or - for no rights`,
      command,
    );
  }
  return {
    ...parsePages(pages, '--protect', command),
    read: rights.includes('r'),
    write: rights.includes('w'),
    vtl: vtl === undefined ? null : parseCount(vtl, 'VTL of --protect', { least: 1, most: MOST_VTL }, command),
  };
}

/**
 * Overlay pages, one by one.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for more than 65536.
 * @internal
 */
export function listPages(ranges: readonly PageRange[], what: string, command: string): readonly bigint[] {
  const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  if (count > MOST_PAGES)
    throw new UsageError(`${what} names ${count} pages; ${MOST_PAGES} are as many as it takes`, command);
  return ranges.flatMap(({ first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, at) => first + BigInt(at)),
  );
}

/**
 * What is known of a guest's pages: ROM is read-only, the rest is as the command line has it. What QEMU has no memory for is
 * unmapped without being told so.
 *
 * @internal
 */
export function pagesOf(
  map: Pick<MemoryMap, 'isWritable'>,
  { overlayPages, rules }: { readonly overlayPages: readonly bigint[]; readonly rules: readonly PageRule[] },
): HvPages {
  const parents = accessBy(rules.filter(({ vtl }) => vtl === null));
  const vtls = new Set(rules.flatMap(({ vtl }) => (vtl === null ? [] : [vtl])));
  return {
    overlayPages,
    accessTo: (page) => {
      const { read, write } = parents(page);
      return { read, write: write && map.isWritable(Number(page) * PAGE_BYTES, PAGE_BYTES) };
    },
    protections: Array.from(vtls, (vtl): HvVtlProtection => {
      return { vtl, accessTo: accessBy(rules.filter((rule) => rule.vtl === vtl)) };
    }),
  };
}

/** A page that several rules name has the rights that all of them leave. */
function accessBy(rules: readonly PageRule[]): HvAccessTo {
  return (page) => {
    const own = rules.filter(({ first, last }) => page >= first && page <= last);
    return { read: own.every(({ read }) => read), write: own.every(({ write }) => write) };
  };
}
