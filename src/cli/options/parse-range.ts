import { UsageError } from '../errors.ts';
import { parseNumber } from './parse-number.ts';

/** Addresses, both ends inclusive. @internal */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * A range as `FIRST-LAST` or `FIRST+SIZE`.
 *
 * @param what - names the range in messages
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseRange(text: string, what: string, command: string): AddressRange {
  const [, start = '', separator = '', end = ''] = /^([^-+]+)([-+])([^-+]+)$/.exec(text) ?? [];
  if (separator === '') {
    throw new UsageError(`${what} ${JSON.stringify(text)} is not FIRST-LAST, nor FIRST+SIZE`, command);
  }
  const first = parseNumber(start, what, command);
  const second = parseNumber(end, what, command);
  const last = separator === '-' ? second : first + second - 1n;
  return checkedRange(first, last, text, what, command);
}

/** @throws {@link UsageError} `ERR_CLI_USAGE` for what ends before it begins, or does not fit 64 bits. @internal */
export function checkedRange(first: bigint, last: bigint, text: string, what: string, command: string): AddressRange {
  if (last < first) throw new UsageError(`${what} ${JSON.stringify(text)} ends before it begins`, command);
  if (last !== BigInt.asUintN(64, last)) {
    throw new UsageError(`${what} ${JSON.stringify(text)} does not fit 64 bits`, command);
  }
  return { first, last };
}
