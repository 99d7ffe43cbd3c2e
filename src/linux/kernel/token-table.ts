import type { Effort } from '../effort.ts';
import { u16 } from '../memory/little-endian.ts';

/** `kallsyms_token_table` and `kallsyms_token_index`: what each byte of a compressed name stands for. @internal */
export interface TokenTable {
  /** Where the table begins in the bytes that were searched. */
  readonly start: number;
  /** Where the index ends. */
  readonly end: number;
  /** For each byte its token: from here in the bytes, without the NUL at its end. */
  readonly tokenStarts: Uint32Array;
  readonly tokenEnds: Uint32Array;
}

const TOKENS = 256;
const ZERO = 0x30;
const DIGITS = 10;
/** The index has 16 bits for a place in the table. */
const MAX_TABLE_BYTES = 65_536;

/**
 * Looks for a table of tokens from a place on. Digits stand for themselves in every kernel's table, one after the other: ten
 * tokens of one character, `0\0 1\0 … 9\0`. The index behind the table proves it: it must hold the running lengths.
 *
 * @param wordBytes - tables are aligned to it
 * @returns null where there is none
 * @throws LinuxDataError `ERR_LINUX_DATA` when the effort is spent.
 * @internal
 */
export function findTokenTable(bytes: Uint8Array, from: number, wordBytes: 4 | 8, effort: Effort): TokenTable | null {
  for (let at = bytes.indexOf(ZERO, from); at >= 0; at = bytes.indexOf(ZERO, at + 1)) {
    effort.spend(1);
    if (!hasDigits(bytes, at)) continue;
    const table = tableAround(bytes, at, wordBytes, effort);
    if (table !== null) return table;
  }
  return null;
}

function hasDigits(bytes: Uint8Array, at: number): boolean {
  for (let digit = 0; digit < DIGITS; digit += 1) {
    if (bytes[at + 2 * digit] !== ZERO + digit || bytes[at + 2 * digit + 1] !== 0) return false;
  }
  return true;
}

/** @param digits - where the token of `0` is, which is token 0x30 */
function tableAround(bytes: Uint8Array, digits: number, wordBytes: 4 | 8, effort: Effort): TokenTable | null {
  let start = digits;
  for (let token = ZERO; token > 0 && start > 0; token -= 1) {
    start = bytes.lastIndexOf(0, start - 2) + 1;
    if (digits - start > MAX_TABLE_BYTES) return null;
  }
  effort.spend(digits - start);
  const tokenStarts = new Uint32Array(TOKENS);
  const tokenEnds = new Uint32Array(TOKENS);
  let next = start;
  for (let token = 0; token < TOKENS; token += 1) {
    const end = bytes.indexOf(0, next);
    if (end < 0 || end - start > MAX_TABLE_BYTES) return null;
    tokenStarts[token] = next;
    tokenEnds[token] = end;
    next = end + 1;
  }
  effort.spend(next - digits);
  const index = Math.ceil(next / wordBytes) * wordBytes;
  const isProven = tokenStarts.every((place, token) => u16(bytes, index + 2 * token) === place - start);
  return isProven ? { start, end: index + 2 * TOKENS, tokenStarts, tokenEnds } : null;
}
