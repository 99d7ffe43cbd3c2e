import { parseNumber } from './parse-number.ts';
import { type AddressRange, checkedRange, parseRange } from './parse-range.ts';
import { parseWrittenAddress, type WrittenAddress } from './written-address.ts';

/** A range as a command line has it: numbers, or what only the guest can tell the numbers of. @internal */
export type WrittenRange =
  | ({ readonly kind: 'numbers' } & AddressRange)
  | { readonly kind: 'ends'; readonly text: string; readonly first: WrittenAddress; readonly last: WrittenAddress }
  | { readonly kind: 'size'; readonly text: string; readonly first: WrittenAddress; readonly sizeBytes: bigint }
  /** All of a symbol. */
  | { readonly kind: 'symbol'; readonly text: string; readonly first: WrittenAddress };

/** Digits, and what may stand between them. */
const NUMERIC = /^[-+0-9a-fx_`]*$/i;

/**
 * A range as `FIRST-LAST` or `FIRST+SIZE`, whose ends may be anything that an address may be; or a symbol alone, for all of it.
 * Of `do_exit+0x10+0x100` the last is the size.
 *
 * @param what - names the range in messages
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseWrittenRange(text: string, what: string, command: string): WrittenRange {
  const dash = /^([^-]+)-([^-]+)$/.exec(text);
  const plus = dash === null ? /^(.+)\+([^+]+)$/.exec(text) : null;
  if (dash !== null) {
    const [first, last] = [dash[1] ?? '', dash[2] ?? ''].map((end) => parseEnd(end, text, what, command));
    if (first === undefined || last === undefined) throw new RangeError(`a range without ends: ${text}`);
    return first.kind === 'number' && last.kind === 'number'
      ? numbers(first.value, last.value, text, what, command)
      : { kind: 'ends', text, first, last };
  }
  if (plus !== null) {
    const first = parseEnd(plus[1] ?? '', text, what, command);
    const sizeBytes = parseNumber(plus[2] ?? '', what, command);
    return first.kind === 'number'
      ? numbers(first.value, first.value + sizeBytes - 1n, text, what, command)
      : { kind: 'size', text, first, sizeBytes };
  }
  const first = NUMERIC.test(text) ? undefined : parseWrittenAddress(text, command);
  // A number alone is no range, and its complaint says what is.
  if (first === undefined || first.kind !== 'symbol') return { kind: 'numbers', ...parseRange(text, what, command) };
  return { kind: 'symbol', text, first };
}

/** What is made of digits alone and is no address is told as a number that is none. */
function parseEnd(end: string, text: string, what: string, command: string): WrittenAddress {
  if (NUMERIC.test(text) && !/^(?:[0-9a-f]{8}|[0-9a-f]{16})$/i.test(end)) {
    return { kind: 'number', value: parseNumber(end, what, command) };
  }
  return parseWrittenAddress(end, command);
}

function numbers(first: bigint, last: bigint, text: string, what: string, command: string): WrittenRange {
  return { kind: 'numbers', ...checkedRange(first, last, text, what, command) };
}

/** Whether the guest's Linux is needed for it. @internal */
export function isNamedRange(range: WrittenRange | null): boolean {
  if (range === null || range.kind === 'numbers') return false;
  const ends = range.kind === 'ends' ? [range.first, range.last] : [range.first];
  return ends.some(({ kind }) => kind === 'symbol' || kind === 'physical');
}
