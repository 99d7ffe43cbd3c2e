import { PictureError } from '../../picture/internal.ts';

/** A picture of more bytes is none: 16 million pages at random take 130 MB. */
const MOST_BYTES = 1 << 29;

/** @throws PictureError for bytes that were cut off or damaged. @internal */
export async function decompress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      chunks.push(value);
      lengthBytes += value.length;
      if (lengthBytes > MOST_BYTES) throw new PictureError('the picture is too large to be shown');
    }
  } catch (error) {
    if (error instanceof PictureError) throw error;
    throw new PictureError('the picture was cut off or damaged', { cause: error });
  }
  const all = new Uint8Array(lengthBytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** @throws PictureError for text that is no base64. @internal */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text.trim());
  } catch (error) {
    throw new PictureError('the picture was cut off or damaged', { cause: error });
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
