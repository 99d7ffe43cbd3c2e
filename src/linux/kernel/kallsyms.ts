import { Effort } from '../effort.ts';
import { LinuxDataError } from '../errors.ts';
import { encodeText } from '../memory/latin-text.ts';
import { s32, u32, word } from '../memory/little-endian.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { findPackedNames, type PackedNames, type UnpackedNames, unpackNames } from './kallsyms-names.ts';
import type { KernelImage } from './kernel-image.ts';
import { findTokenTable, type TokenTable } from './token-table.ts';

/** How a kernel keeps the addresses of its symbols. @internal */
export type AddressForm =
  /** Offsets from a base; what is positive is the offset of a per-CPU variable (x86-64 up to 6.14). */
  | 'base-and-per-cpu'
  /** Offsets from a base. */
  | 'base'
  /** Distances from where they stand (from 7.0). */
  | 'place';

/** All symbols of a kernel, and what its tables look like. @internal */
export interface Kallsyms {
  readonly symbols: SymbolTable;
  readonly form: AddressForm;
  /** Whether the addresses stand before the names (up to 6.4), or behind the tokens. */
  readonly order: 'addresses-first' | 'names-first';
}

/** Some twenty times what the largest kernel seen takes. */
const STEPS = 60_000_000;
const WHAT = "the kernel's symbol table (kallsyms)";

/**
 * Finds kallsyms in the read-only data of a kernel. Each part is known by its pattern, never by the kernel's version: parts move
 * between releases, and are backported.
 *
 * @returns null where there is none
 * @throws LinuxDataError `ERR_LINUX_DATA` for a table that is damaged or made to mislead.
 * @internal
 */
export function findKallsyms(image: KernelImage): Kallsyms | null {
  const effort = new Effort(WHAT, STEPS);
  for (const piece of image.readOnly) {
    for (let from = 0; ; ) {
      const tokens = findTokenTable(piece.bytes, from, image.wordBytes, effort);
      if (tokens === null) break;
      const found = readKallsyms(image, piece, tokens, effort);
      if (found !== null) return found;
      from = tokens.end;
    }
  }
  return null;
}

function readKallsyms(
  image: KernelImage,
  piece: KernelImage['readOnly'][number],
  tokens: TokenTable,
  effort: Effort,
): Kallsyms | null {
  const { bytes } = piece;
  const packed = findPackedNames(bytes, tokens, image.wordBytes, effort);
  if (packed === null) return null;
  const names = unpackNames(bytes, tokens, packed, effort, (problem) => new LinuxDataError(WHAT, problem));
  const anchor = findAnchor(names, packed.count);
  if (anchor < 0) throw new LinuxDataError(WHAT, 'it names no _stext and no _text, by which its addresses are proven');
  for (const { at, base, order } of placesOfAddresses(image, tokens, packed)) {
    for (const form of FORMS) {
      const addressOf = FORM_READERS[form]({ bytes, at, base, address: piece.address, wordBytes: image.wordBytes });
      if (at < 0 || at + 4 * packed.count > bytes.length || !image.isTextStart(addressOf(anchor))) continue;
      const addresses = new BigUint64Array(packed.count);
      for (let index = 0; index < packed.count; index += 1) addresses[index] = addressOf(index);
      const symbols = new SymbolTable({ addresses, ...names }, { lowest: image.textFirst });
      return { symbols, form, order };
    }
  }
  throw new LinuxDataError(WHAT, 'its names are there, but no addresses by which _stext is the first byte of the text');
}

const ANCHORS = ['_stext', '_text'];

function findAnchor({ names, starts }: UnpackedNames, count: number): number {
  const wanted = ANCHORS.map(encodeText);
  for (let index = 0; index < count; index += 1) {
    const start = starts[index] as number;
    const length = (starts[index + 1] as number) - 1 - start;
    if (wanted.some((name) => name.length === length && name.every((byte, at) => names[start + at] === byte)))
      return index;
  }
  return -1;
}

interface AddressPlace {
  readonly at: number;
  /** Where `kallsyms_relative_base` is; -1 where a layout has none. */
  readonly base: number;
  readonly order: Kallsyms['order'];
}

/** `offsets | relative_base | num_syms | names …`, or `… token_index | offsets | relative_base`. */
function placesOfAddresses(
  { wordBytes }: KernelImage,
  { end }: TokenTable,
  { count, countAt }: PackedNames,
): readonly AddressPlace[] {
  const aligned = (length: number): number => Math.ceil(length / wordBytes) * wordBytes;
  const offsetBytes = aligned(4 * count);
  const base = countAt - wordBytes;
  const behind = aligned(end);
  return [
    { at: base - offsetBytes, base, order: 'addresses-first' },
    // An empty word between them, seen where alignment is wider than a word.
    { at: base - wordBytes - offsetBytes, base, order: 'addresses-first' },
    { at: behind, base: behind + offsetBytes, order: 'names-first' },
    { at: countAt - offsetBytes, base: -1, order: 'addresses-first' },
  ];
}

interface AddressColumn {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly base: number;
  /** Of the first byte. */
  readonly address: bigint;
  readonly wordBytes: 4 | 8;
}

const FORMS: readonly AddressForm[] = ['base-and-per-cpu', 'base', 'place'];

const FORM_READERS: Readonly<Record<AddressForm, (column: AddressColumn) => (index: number) => bigint>> = {
  'base-and-per-cpu': ({ bytes, at, base, wordBytes }) => {
    const start = base < 0 ? 0n : word(bytes, base, wordBytes);
    return (index) => {
      const offset = s32(bytes, at + 4 * index);
      return offset >= 0 ? BigInt(offset) : BigInt.asUintN(8 * wordBytes, start - 1n - BigInt(offset));
    };
  },
  base: ({ bytes, at, base, wordBytes }) => {
    const start = base < 0 ? 0n : word(bytes, base, wordBytes);
    return (index) => BigInt.asUintN(8 * wordBytes, start + BigInt(u32(bytes, at + 4 * index)));
  },
  place: ({ bytes, at, address, wordBytes }) => {
    return (index) => {
      const place = at + 4 * index;
      return BigInt.asUintN(8 * wordBytes, address + BigInt(place) + BigInt(s32(bytes, place)));
    };
  },
};
