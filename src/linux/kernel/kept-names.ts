import { formatHex } from '../../paging/index.ts';
import { LinuxDataError } from '../errors.ts';
import { decodeBytes, encodeText } from '../memory/latin-text.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import { Btf } from '../types/btf.ts';
import type { KernelNames } from './kernel-names.ts';

/**
 * Names of a kernel as a file keeps them. All of it comes from a guest: what is read back is checked as if the guest had sent it.
 *
 * ```
 * magic  header bytes   header (JSON)   addresses   starts   BTF   types   names
 * ```
 *
 * Numbers are in the byte order of the machine that has written them, and the magic tells it.
 */
const MAGIC = 0x5057_4e31;
const PREFIX_BYTES = 8;
const WHAT = 'the kept names of a kernel';

interface Header {
  readonly wordBytes: 4 | 8;
  readonly textFirst: string;
  readonly banner: string | null;
  readonly buildId: { readonly id: string; readonly address: string; readonly lengthBytes: number };
  readonly layout: KernelNames['layout'];
  readonly missing: readonly string[];
  readonly symbols: number;
  readonly nameBytes: number;
  readonly btfBytes: number;
}

/** @returns null for names that no build id tells from others, or that lack a symbol table @internal */
export function encodeKernelNames(names: KernelNames): Uint8Array | null {
  const { buildId, symbols, btf, wordBytes, textFirst, banner, layout, missing } = names;
  if (buildId === null || symbols === null) return null;
  const { addresses, types, names: text, starts } = symbols.columns;
  const header: Header = {
    wordBytes,
    textFirst: formatHex(textFirst),
    banner,
    buildId: { ...buildId, address: formatHex(buildId.address) },
    layout: layout && { form: layout.form, order: layout.order },
    missing,
    symbols: symbols.length,
    nameBytes: text.length,
    btfBytes: btf?.bytes.length ?? 0,
  };
  // Latin-1, as names are; what is beyond it is written in escapes.
  const json = JSON.stringify(header).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${formatHex(character.charCodeAt(0), 4).slice(2)}`,
  );
  const headerBytes = roundUp(json.length + PREFIX_BYTES) - PREFIX_BYTES;
  const sections = [bytesOf(addresses), bytesOf(starts), btf?.bytes ?? new Uint8Array(), types, text];
  const length = sections.reduce((sum, section) => roundUp(sum) + section.length, PREFIX_BYTES + headerBytes);
  const file = new Uint8Array(length);
  new Uint32Array(file.buffer, 0, 2).set([MAGIC, headerBytes]);
  file.set(encodeText(json.padEnd(headerBytes, ' ')), PREFIX_BYTES);
  let at = PREFIX_BYTES + headerBytes;
  for (const section of sections) {
    file.set(section, at);
    at = roundUp(at + section.length);
  }
  return file;
}

/**
 * @param file - aligned to 8 bytes
 * @throws LinuxDataError `ERR_LINUX_DATA` for what is no such file, or damaged.
 * @internal
 */
export function decodeKernelNames(file: Uint8Array): KernelNames {
  if (file.length < PREFIX_BYTES) throw new LinuxDataError(WHAT, 'the file is empty');
  const [magic, headerBytes = 0] = new Uint32Array(file.buffer, file.byteOffset, 2);
  if (magic !== MAGIC || PREFIX_BYTES + headerBytes > file.length)
    throw new LinuxDataError(WHAT, 'the file is something else');
  const header = parseHeader(decodeBytes(file, PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  let at = PREFIX_BYTES + headerBytes;
  const take = (length: number): Uint8Array => {
    if (!(length >= 0) || at + length > file.length) throw new LinuxDataError(WHAT, 'the file ends too early');
    const section = file.subarray(at, at + length);
    at = roundUp(at + length);
    return section;
  };
  const addresses = take(header.symbols * 8);
  const starts = take((header.symbols + 1) * 4);
  const btf = take(header.btfBytes);
  const types = take(header.symbols);
  const names = take(header.nameBytes);
  const textFirst = BigInt(header.textFirst);
  const columns = {
    addresses: new BigUint64Array(addresses.buffer, addresses.byteOffset, header.symbols),
    starts: new Uint32Array(starts.buffer, starts.byteOffset, header.symbols + 1),
    types,
    names,
  };
  return {
    wordBytes: header.wordBytes,
    textFirst,
    symbols: new SymbolTable(columns, { lowest: textFirst }),
    layout: header.layout,
    btf: btf.length === 0 ? null : new Btf(btf),
    banner: header.banner,
    buildId: { ...header.buildId, address: BigInt(header.buildId.address) },
    missing: header.missing,
  };
}

function parseHeader(json: string): Header {
  try {
    const header = JSON.parse(json) as Header;
    const counts = [header.symbols, header.nameBytes, header.btfBytes, header.buildId.lengthBytes];
    const isSound =
      counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
      [header.textFirst, header.buildId.address].every((text) => /^0x[0-9a-f]{1,16}$/.test(text)) &&
      typeof header.buildId.id === 'string' &&
      (header.wordBytes === 4 || header.wordBytes === 8) &&
      (header.banner === null || typeof header.banner === 'string') &&
      Array.isArray(header.missing) &&
      header.missing.every((text) => typeof text === 'string');
    if (isSound) return header;
  } catch {
    // Told below, as what can be parsed and is something else.
  }
  throw new LinuxDataError(WHAT, 'its first lines are damaged');
}

function roundUp(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
