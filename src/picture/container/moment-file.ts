import { PictureError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { type MomentHeading, PICTURE_FORMAT } from './moment-heading.ts';
import { decodePlainData, encodePlainData } from './plain-data.ts';

const MAGIC = 'pagewalk picture\n';

/** An address space at one moment: its tables, or where these take too much its ranges. @internal */
export interface MomentFile {
  readonly heading: MomentHeading;
  /** As `encodeTables` has them; empty where ranges are kept. */
  readonly tables: Uint8Array;
  /** As `encodeRanges` has them; empty where tables are kept. */
  readonly ranges: Uint8Array;
}

/** A moment in bytes, which are yet to be compressed. @internal */
export function encodeMoment({ heading, tables, ranges }: MomentFile): Uint8Array<ArrayBuffer> {
  const json = encodePlainData(heading);
  const writer = new ByteWriter(MAGIC.length + json.length + tables.length + ranges.length + 64);
  writer.ascii(MAGIC);
  writer.number(PICTURE_FORMAT);
  for (const length of [json.length, tables.length, ranges.length]) writer.number(length);
  writer.ascii(json);
  writer.bytes(tables);
  writer.bytes(ranges);
  return writer.written();
}

/** @throws PictureError for bytes that are no picture of this version, or not all of one. @internal */
export function decodeMoment(bytes: Uint8Array): MomentFile {
  const reader = new ByteReader(bytes);
  if (bytes.length < MAGIC.length || reader.ascii(MAGIC.length) !== MAGIC) {
    throw new PictureError('this is no picture of pagewalk');
  }
  const format = reader.number();
  if (format !== PICTURE_FORMAT) {
    throw new PictureError(`the picture has format ${format}, and this version of pagewalk reads ${PICTURE_FORMAT}`);
  }
  const [headingLength, tablesLength, rangesLength] = [reader.number(), reader.number(), reader.number()];
  const heading = decodePlainData(reader.ascii(headingLength)) as MomentHeading;
  const tables = reader.take(tablesLength);
  const ranges = reader.take(rangesLength);
  if (!reader.isAtEnd) throw new PictureError('something follows the end of the picture');
  return { heading, tables, ranges };
}
