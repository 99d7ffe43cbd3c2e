import { DumpFormatError } from '../errors.ts';

/** Bytes that are read piece by piece: a file, or what is packed in one. @internal */
export interface ByteSource {
  /** The file, for messages. */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * Fills the target. Callers have checked that the piece lies inside.
   *
   * @throws DumpFormatError `ERR_DUMP_FORMAT` where there are no such bytes after all.
   */
  readInto(offset: number, target: Uint8Array): void;
}

/**
 * A piece of a file by the place and the size that the file itself claims: checked before anything is allocated.
 *
 * @param what - is read, for the error: `its program headers`
 * @param mostBytes - more than any real file has of this
 * @throws DumpFormatError `ERR_DUMP_FORMAT`.
 * @internal
 */
export function readPiece(
  source: ByteSource,
  offset: number,
  lengthBytes: number,
  what: string,
  mostBytes: number,
): Uint8Array {
  requireInside(source, offset, lengthBytes, what);
  if (lengthBytes > mostBytes) {
    throw new DumpFormatError(source.name, `${what} take ${lengthBytes} bytes, and ${mostBytes} at most are read`);
  }
  const bytes = new Uint8Array(lengthBytes);
  source.readInto(offset, bytes);
  return bytes;
}

/** @throws DumpFormatError `ERR_DUMP_FORMAT` for a piece that lies outside of the file. @internal */
export function requireInside(source: ByteSource, offset: number, lengthBytes: number, what: string): void {
  // A sum that a number does not hold exactly is beyond any file.
  if (offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= source.sizeBytes) return;
  throw new DumpFormatError(
    source.name,
    `${what} would be bytes ${offset} to ${offset + lengthBytes}, and it has ${source.sizeBytes}: ` +
      'it was cut off, or is damaged',
  );
}
