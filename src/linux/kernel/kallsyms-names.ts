import type { Effort } from '../effort.ts';
import { u32 } from '../memory/little-endian.ts';
import type { TokenTable } from './token-table.ts';

/** `kallsyms_names` and what is right before it and behind it, by their places in the bytes. @internal */
export interface PackedNames {
  readonly count: number;
  /** Where `kallsyms_num_syms` is. */
  readonly countAt: number;
  readonly start: number;
}

/** Names, each with its type in front, as they stand after one another. @internal */
export interface UnpackedNames {
  readonly types: Uint8Array;
  readonly names: Uint8Array;
  readonly starts: Uint32Array;
}

/** A marker stands for each 256th name. */
const NAMES_PER_MARKER = 256;
/** So many bytes 256 names may take: one for the length and one token at least, 128 tokens at most in what kernels have. */
const LEAST_STEP = 256;
const MOST_STEP = 256 * 128;
/** A kernel of 4,096 symbols would be the smallest ever seen by far. */
const LEAST_MARKERS = 16;
/** Markers are looked for so far before the tokens: 3-byte `kallsyms_seqs_of_names` may lie between (6.2, and backports). */
const MOST_BETWEEN = 8 << 20;
const MOST_SYMBOLS = 4_000_000;
/** What one name can come to: KSYM_NAME_LEN is 512 since 6.1, and a type. */
const MOST_NAME_CHARS = 1024;
const BIG_LENGTH = 0x80;

/**
 * Looks for the names by their markers, going back from the tokens: 32-bit numbers, the first one 0, that rise by what 256 names
 * take; and the names before them must end up exactly at each marker.
 *
 * @returns null where there are none
 * @throws LinuxDataError `ERR_LINUX_DATA` when the effort is spent.
 * @internal
 */
export function findPackedNames(
  bytes: Uint8Array,
  tokens: TokenTable,
  wordBytes: 4 | 8,
  effort: Effort,
): PackedNames | null {
  const lowest = Math.max(0, tokens.start - MOST_BETWEEN);
  for (let at = (tokens.start & ~3) - 4; at >= lowest; at -= 4) {
    effort.spend(1);
    if (u32(bytes, at) !== 0) continue;
    const markers = markersFrom(bytes, at, tokens.start, effort);
    const found = markers < LEAST_MARKERS ? null : namesBefore(bytes, at, markers, wordBytes, effort);
    if (found !== null) return found;
  }
  return null;
}

function markersFrom(bytes: Uint8Array, start: number, end: number, effort: Effort): number {
  let at = start;
  while (at + 8 <= end && isStep(u32(bytes, at + 4) - u32(bytes, at))) at += 4;
  effort.spend((at - start) / 4);
  return (at - start) / 4 + 1;
}

function isStep(bytes: number): boolean {
  return bytes > LEAST_STEP && bytes < MOST_STEP;
}

/** Where the last names begin is known, not how long they are: each place that is left is tried. */
function namesBefore(
  bytes: Uint8Array,
  markersAt: number,
  markers: number,
  wordBytes: 4 | 8,
  effort: Effort,
): PackedNames | null {
  const lastMarker = u32(bytes, markersAt + 4 * (markers - 1));
  const highest = (markersAt - lastMarker) & ~(wordBytes - 1);
  for (let start = highest; start > highest - MOST_STEP && start >= wordBytes; start -= wordBytes) {
    effort.spend(1);
    const countAt = start - wordBytes;
    const count = u32(bytes, countAt);
    if (count > MOST_SYMBOLS || Math.ceil(count / NAMES_PER_MARKER) !== markers) continue;
    if (fitsMarkers(bytes, start, count, markersAt, effort)) return { count, countAt, start };
  }
  return null;
}

function fitsMarkers(bytes: Uint8Array, start: number, count: number, markersAt: number, effort: Effort): boolean {
  let at = start;
  for (let index = 0; index < count; index += 1) {
    if (index % NAMES_PER_MARKER === 0) {
      effort.spend(NAMES_PER_MARKER);
      if (at - start !== u32(bytes, markersAt + index / (NAMES_PER_MARKER / 4))) return false;
    }
    const length = bytes[at] as number;
    at += length < BIG_LENGTH ? 1 + length : 2 + (length & 0x7f) + ((bytes[at + 1] as number) << 7);
    if (at > markersAt) return false;
  }
  return true;
}

/**
 * Writes all names out.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` for a name that is longer than any is, and when the effort is spent: a byte of two can stand
 * for a thousand characters.
 * @internal
 */
export function unpackNames(
  bytes: Uint8Array,
  { tokenStarts, tokenEnds }: TokenTable,
  { count, start }: PackedNames,
  effort: Effort,
  fail: (problem: string) => Error,
): UnpackedNames {
  const types = new Uint8Array(count);
  const starts = new Uint32Array(count + 1);
  let names = new Uint8Array(count * 32);
  let at = start;
  let end = 0;
  for (let index = 0; index < count; index += 1) {
    let length = bytes[at] as number;
    at += 1;
    if (length >= BIG_LENGTH) {
      length = (length & 0x7f) | ((bytes[at] as number) << 7);
      at += 1;
    }
    if (end + MOST_NAME_CHARS + 2 > names.length) names = grown(names);
    const nameStart = end;
    let isType = true;
    for (const last = at + length; at < last; at += 1) {
      const token = bytes[at] as number;
      const tokenEnd = tokenEnds[token] as number;
      for (let from = tokenStarts[token] as number; from < tokenEnd; from += 1) {
        if (isType) {
          types[index] = bytes[from] as number;
          isType = false;
        } else {
          if (end - nameStart === MOST_NAME_CHARS)
            throw fail(`name ${index} has more than ${MOST_NAME_CHARS} characters`);
          names[end] = bytes[from] as number;
          end += 1;
        }
      }
    }
    end += 1;
    effort.spend(end - nameStart);
    starts[index + 1] = end;
  }
  return { types, names: names.slice(0, end), starts };
}

function grown(names: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(names.length * 2 + 2 * MOST_NAME_CHARS);
  larger.set(names);
  return larger;
}
