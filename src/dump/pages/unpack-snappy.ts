import { PackedPageError, PageOutput } from './packed-page-error.ts';

/** Lengths above this are in as many bytes as they exceed it by. */
const SHORT_LITERAL = 60;
const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;

/**
 * Unpacks a snappy block: how many bytes come out as a varint, then literals and copies. Own code: the library in JavaScript
 * (snappyjs 0.7) steps back, and never ends, on a literal whose length has its highest bit set.
 *
 * @throws PackedPageError for what is damaged, or comes to more than `mostBytes`.
 * @internal
 */
export function unpackSnappy(packed: Uint8Array, mostBytes: number): Uint8Array {
  const output = new PageOutput(mostBytes);
  let at = 0;
  const little = (count: number): number => {
    if (at + count > packed.length) throw new PackedPageError('it ends too soon');
    let value = 0;
    for (let index = count - 1; index >= 0; index -= 1) value = value * 256 + (packed[at + index] ?? 0);
    at += count;
    return value;
  };
  let claimed = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = little(1);
    claimed += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    if (scale > 2 ** 28) throw new PackedPageError('its length has no end');
  }
  while (at < packed.length) {
    const tag = little(1);
    const upper = tag >> 2;
    switch (tag & 3) {
      case LITERAL: {
        const count = (upper < SHORT_LITERAL ? upper : little(upper - SHORT_LITERAL + 1)) + 1;
        output.append(packed, at, count);
        at += count;
        break;
      }
      case COPY_1:
        output.repeat((upper >> 3) * 256 + little(1), (upper & 7) + 4);
        break;
      case COPY_2:
        output.repeat(little(2), upper + 1);
        break;
      default:
        output.repeat(little(4), upper + 1);
    }
  }
  if (output.length !== claimed) throw new PackedPageError(`it comes to ${output.length} bytes, and says ${claimed}`);
  return output.result;
}
