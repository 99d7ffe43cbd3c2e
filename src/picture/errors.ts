/** Bytes are no picture that this version can show: cut off, damaged, or written by another version. @internal */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code = 'ERR_PICTURE';
}
