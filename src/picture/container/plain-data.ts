import { formatHex } from '../../paging/index.ts';
import { PictureError } from '../errors.ts';

/** The name under which a bigint stands in JSON, which has none. */
const BIGINT = '$bigint';
const NUMBER = /^0x[0-9a-f]{1,16}$/;

/**
 * Plain data as JSON in ASCII. Bigints stay bigints: answers make texts of theirs when JSON asks them, so it is not asked.
 *
 * @internal
 */
export function encodePlainData(value: unknown): string {
  return JSON.stringify(toJson(value)).replace(/[\u0080-\uffff]/g, (character) => {
    return `\\u${formatHex(character.charCodeAt(0), 4).slice(2)}`;
  });
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return { [BIGINT]: formatHex(BigInt.asUintN(64, value)) };
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson);
  const entries = Object.entries(value).filter(([, each]) => typeof each !== 'function');
  return Object.fromEntries(entries.map(([name, each]) => [name, toJson(each)]));
}

/** @throws PictureError for what `encodePlainData` has not written. @internal */
export function decodePlainData(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown) => fromJson(value));
  } catch (error) {
    if (error instanceof PictureError) throw error;
    throw new PictureError('the heading of the picture is no JSON', { cause: error });
  }
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, BIGINT)) return value;
  const { [BIGINT]: digits } = value as { readonly [BIGINT]: unknown };
  if (typeof digits !== 'string' || !NUMBER.test(digits))
    throw new PictureError('the picture has a number of no digits');
  return BigInt(digits);
}
