import { ByteReader } from '../container/byte-reader.ts';
import { ByteWriter } from '../container/byte-writer.ts';
import { PictureError } from '../errors.ts';

/** One table of symbols in columns, as a table of the Linux layer has them. @internal */
export interface PictureSymbols {
  /** Null for the kernel itself. */
  readonly module: string | null;
  /** Below it are offsets of per-CPU variables, which are no addresses. */
  readonly lowest: bigint;
  readonly addresses: BigUint64Array;
  /** A character code for each. */
  readonly types: Uint8Array;
  /** All names, each with a NUL at its end. */
  readonly names: Uint8Array;
  /** Where each name starts; one more for the end of the last. */
  readonly starts: Uint32Array;
}

const MAGIC = 'pagewalk symbols\n';
const HALF_BITS = 32n;
const LOW_HALF = 0xffff_ffffn;

/** Symbols in bytes, which are yet to be compressed: addresses as they differ from the one before. @internal */
export function encodeSymbols(tables: readonly PictureSymbols[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(tables.reduce((sum, { names, types }) => sum + names.length + 4 * types.length, 4096));
  writer.ascii(MAGIC);
  writer.number(tables.length);
  for (const { module, lowest, addresses, types, names } of tables) {
    writer.number(module === null ? 0 : module.length + 1);
    writer.bytes(Uint8Array.from(module ?? '', (character) => character.charCodeAt(0)));
    writeAddress(writer, lowest);
    writer.number(addresses.length);
    writer.number(names.length);
    let before = 0n;
    for (const address of addresses) {
      const difference = BigInt.asIntN(64, address - before);
      writeAddress(writer, difference < 0n ? -2n * difference - 1n : 2n * difference);
      before = address;
    }
    writer.bytes(types);
    writer.bytes(names);
  }
  return writer.written();
}

/** @throws PictureError for bytes that hold no symbols, or not all of them. @internal */
export function decodeSymbols(bytes: Uint8Array): readonly PictureSymbols[] {
  const reader = new ByteReader(bytes);
  if (bytes.length < MAGIC.length || reader.ascii(MAGIC.length) !== MAGIC) {
    throw new PictureError('these are no symbols of pagewalk');
  }
  const count = reader.number();
  const tables: PictureSymbols[] = [];
  for (let at = 0; at < count; at += 1) tables.push(readTable(reader));
  if (!reader.isAtEnd) throw new PictureError('something follows the end of the symbols');
  return tables;
}

function readTable(reader: ByteReader): PictureSymbols {
  const moduleLength = reader.number();
  const module = moduleLength === 0 ? null : String.fromCharCode(...reader.take(moduleLength - 1).subarray(0, 256));
  const lowest = readAddress(reader);
  const count = reader.number();
  const namesLength = reader.number();
  // Each takes three bytes at least: what says more was cut off, and no room is made for it.
  if (count * 3 > reader.left) throw new PictureError('the symbols were cut off');
  const addresses = new BigUint64Array(count);
  let before = 0n;
  for (let at = 0; at < count; at += 1) {
    const value = readAddress(reader);
    before = BigInt.asUintN(64, before + ((value & 1n) === 1n ? -((value + 1n) >> 1n) : value >> 1n));
    addresses[at] = before;
  }
  const types = reader.take(count);
  const names = reader.take(namesLength);
  const starts = new Uint32Array(count + 1);
  for (let at = 0, next = 0; at < count; at += 1) {
    const end = names.indexOf(0, next);
    if (end < 0) throw new PictureError('there are fewer names than symbols');
    next = end + 1;
    starts[at + 1] = next;
  }
  if (starts[count] !== namesLength) throw new PictureError('there are more names than symbols');
  return { module, lowest, addresses, types, names, starts };
}

/** 64 bits and one more, in halves: most have but a low one. */
function writeAddress(writer: ByteWriter, value: bigint): void {
  writer.number(Number(value & LOW_HALF));
  writer.number(Number(value >> HALF_BITS));
}

function readAddress(reader: ByteReader): bigint {
  const low = BigInt(reader.number());
  return low + (BigInt(reader.number()) << HALF_BITS);
}
