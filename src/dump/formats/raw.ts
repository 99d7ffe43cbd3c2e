import type { ByteSource } from '../file/byte-source.ts';
import { FileRanges } from '../file/file-ranges.ts';
import { NO_NOTES } from '../notes/core-notes.ts';
import type { DumpImage } from './dump-image.ts';

/** Opens memory from address 0 on, as `pmemsave 0 SIZE FILE` writes it. @internal */
export function openRaw(source: ByteSource): DumpImage {
  const ranges = new FileRanges(source, [{ address: 0, offset: 0, lengthBytes: source.sizeBytes }]);
  return {
    format: 'raw memory',
    spans: ranges.spans,
    notes: NO_NOTES,
    readInto: (address, target) => ranges.readInto(address, target),
    pagesLeftOut: 0,
    isScannable: true,
  };
}
