import { PackedPageError, PageOutput } from './packed-page-error.ts';

/** The distance at which an instruction with a far match ends the stream. */
const END_DISTANCE = 0x4000;
/** Behind a literal of four bytes or more, short matches lie at least so far back. */
const FAR_SHORT_MATCH = 0x800;

/**
 * Unpacks an LZO1X stream (as Linux describes it in Documentation/staging/lzo.rst). Own code: of the packages that there are one
 * is under the GPL, and the others are copies that are not looked after.
 *
 * @throws PackedPageError for what is damaged, or comes to more than `mostBytes`.
 * @internal
 */
export function unpackLzo(packed: Uint8Array, mostBytes: number): Uint8Array {
  const output = new PageOutput(mostBytes);
  let at = 0;
  const next = (): number => {
    const byte = packed[at];
    if (byte === undefined) throw new PackedPageError('it ends too soon');
    at += 1;
    return byte;
  };
  const literal = (count: number): void => {
    output.append(packed, at, count);
    at += count;
  };
  /** A count that does not fit its bits goes on in bytes: each zero is 255 more. */
  const counted = (bits: number, mask: number): number => {
    if (bits !== 0) return bits;
    let count = mask;
    let byte = next();
    for (; byte === 0; byte = next()) count += 255;
    return count + byte;
  };
  /** How many literals the last instruction copied: 4 stands for more, and changes what a short match is. */
  let state = 0;
  if ((packed[0] ?? 0) > 17) {
    const count = next() - 17;
    literal(count);
    state = Math.min(count, 4);
  }
  for (;;) {
    const instruction = next();
    let trailing: number;
    if (instruction >= 64) {
      trailing = instruction & 3;
      output.repeat((next() << 3) + ((instruction >> 2) & 7) + 1, (instruction >> 5) + 1);
    } else if (instruction >= 32) {
      const count = counted(instruction & 31, 31) + 2;
      const low = next();
      trailing = low & 3;
      output.repeat((next() << 6) + (low >> 2) + 1, count);
    } else if (instruction >= 16) {
      const count = counted(instruction & 7, 7) + 2;
      const low = next();
      trailing = low & 3;
      const distance = END_DISTANCE + ((instruction & 8) << 11) + (next() << 6) + (low >> 2);
      if (distance === END_DISTANCE) break;
      output.repeat(distance, count);
    } else if (state === 0) {
      literal(counted(instruction, 15) + 3);
      state = 4;
      continue;
    } else {
      trailing = instruction & 3;
      const near = (next() << 2) + (instruction >> 2) + 1;
      output.repeat(state === 4 ? near + FAR_SHORT_MATCH : near, state === 4 ? 3 : 2);
    }
    literal(trailing);
    state = trailing;
  }
  if (at !== packed.length) throw new PackedPageError('there are bytes behind its end');
  return output.result;
}
