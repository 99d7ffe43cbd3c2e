import { DumpFormatError } from '../errors.ts';
import { Fields } from '../file/fields.ts';

/** One note of a core file. @internal */
export interface Note {
  readonly name: string;
  readonly type: number;
  readonly description: Uint8Array;
}

const HEADER_BYTES = 12;

/**
 * Notes as they lie in a core file: name, description and type, each padded to four bytes. A header of zeros is padding, with which
 * a kdump-compressed file fills its last block.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT` for a note that reaches beyond the end.
 * @internal
 */
export function* readNotes(bytes: Uint8Array, file: string): Generator<Note> {
  const fields = new Fields(bytes);
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const nameBytes = fields.u32(at);
    const descriptionBytes = fields.u32(at + 4);
    const type = fields.u32(at + 8);
    if (nameBytes === 0 && descriptionBytes === 0) return;
    const description = at + HEADER_BYTES + padded(nameBytes);
    const end = description + descriptionBytes;
    if (end > bytes.length) throw new DumpFormatError(file, `a note reaches beyond the end of its notes (byte ${at})`);
    yield {
      name: fields.text(at + HEADER_BYTES, Math.min(nameBytes, 32)),
      type,
      description: bytes.subarray(description, end),
    };
    at = description + padded(descriptionBytes);
  }
}

function padded(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 4) * 4;
}
