import { UsageError } from '../errors.ts';

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const HEX = /^0x[0-9a-f]+(?:[_`][0-9a-f]+)*$/i;
const DECIMAL = /^[0-9]+(?:_[0-9]+)*$/;
/** WinDbg's way to write 64 bits; only hexadecimal numbers are written so. */
const HALVES = /^[0-9a-f]{1,8}`[0-9a-f]{8}$/i;
const BARE_HEX = /^[0-9a-f]+(?:_[0-9a-f]+)*h?$/i;

/**
 * A number of at most 64 bits as people and debuggers write it: `0xffff800000105123`, `0xffff_8000_0010_5123`,
 * `ffff8000'00105123` with WinDbg's backtick, `1052963`.
 *
 * @param what - names the number in messages: `address`, `--cr3`
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseNumber(text: string, what: string, command: string): bigint {
  const value = readNumber(text);
  if (value === undefined)
    throw new UsageError(`${what} ${JSON.stringify(text)} is not a number${hintFor(text)}`, command);
  if (value > U64_MAX) throw new UsageError(`${what} ${JSON.stringify(text)} does not fit 64 bits`, command);
  return value;
}

function readNumber(text: string): bigint | undefined {
  if (HEX.test(text)) return BigInt(text.replaceAll(/[_`]/g, ''));
  if (HALVES.test(text)) return BigInt(`0x${text.replace('`', '')}`);
  if (DECIMAL.test(text)) return BigInt(text.replaceAll('_', ''));
  return undefined;
}

function hintFor(text: string): string {
  if (BARE_HEX.test(text)) return `; hexadecimal is written with 0x in front: 0x${text.replace(/h$/i, '')}`;
  return ' (hexadecimal with 0x in front, or decimal)';
}

/**
 * A small whole number in decimal.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` when it is none, or outside `least` to `most`.
 * @internal
 */
export function parseCount(
  text: string,
  what: string,
  range: { readonly least: number; readonly most: number },
  command: string,
): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.least && value <= range.most) return value;
  throw new UsageError(
    `${what} ${JSON.stringify(text)} is not a whole number from ${range.least} to ${range.most}`,
    command,
  );
}
