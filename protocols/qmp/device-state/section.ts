const HEADER = 0x04;
const FOOTER = 0x7e;
const END_OF_FILE = 0x00;

/** What the end of one section is recognised by. @internal */
export interface SectionEnd {
  readonly bytes: Uint8Array;
  readonly sectionId: number;
  readonly hasFooters: boolean;
}

/**
 * Whether the file was written with section footers: then it ends with the last one's `7e`, its id, and the `00` of the end.
 *
 * @internal
 */
export function hasSectionFooters(bytes: Uint8Array): boolean {
  return bytes.at(-6) === FOOTER && bytes.at(-1) === END_OF_FILE;
}

/**
 * Whether a section ends here: with its footer or, where footers are off, with the header of the next. The end of the file is
 * no end of a `cpu` section, as no machine saves a vCPU last: a file that was cut must not pass for a whole one.
 *
 * @internal
 */
export function isSectionEnd({ bytes, sectionId, hasFooters }: SectionEnd, offset: number): boolean {
  if (hasFooters) return bytes[offset] === FOOTER && readU32(bytes, offset + 1) === sectionId;
  return isSectionHeader(bytes, offset) && readU32(bytes, offset + 1) === sectionId + 1;
}

/** Whether this could be a section's header: `04`, an id, the length of a name and a name of printable ASCII. @internal */
export function isSectionHeader(bytes: Uint8Array, offset: number): boolean {
  const length = bytes[offset + 5] ?? 0;
  if (offset < 0 || bytes[offset] !== HEADER || length === 0) return false;
  const name = bytes.subarray(offset + 6, offset + 6 + length);
  return name.length === length && name.every((byte) => byte > 0x20 && byte < 0x7f);
}

/** A big-endian u32, or undefined past the end. */
function readU32(bytes: Uint8Array, offset: number): number | undefined {
  if (offset + 4 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0);
}
