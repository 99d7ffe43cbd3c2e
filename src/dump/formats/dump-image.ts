import type { PhysicalSpan } from '../file/file-ranges.ts';
import type { CoreNotes } from '../notes/core-notes.ts';

/** What a dump file holds, whatever its format: guest memory in pieces, and notes. @internal */
export interface DumpImage {
  /** `ELF core`, as messages and reports name it. */
  readonly format: string;
  /** What memory there is, in ascending order. */
  readonly spans: readonly PhysicalSpan[];
  readonly notes: CoreNotes;
  /**
   * Fills the target with memory that lies wholly in one span.
   *
   * @throws DumpFormatError `ERR_DUMP_FORMAT` where the file does not have it after all, DumpUnsupportedError
   * `ERR_DUMP_UNSUPPORTED` where it is packed in a way that is not read here.
   */
  readInto(address: number, target: Uint8Array): void;
  /** How many pages were read as zeros, as the program that wrote the dump left them out. */
  readonly pagesLeftOut: number;
  /** Whether going through all of it takes no longer than reading the file. */
  readonly isScannable: boolean;
}
