import type { Random } from '../bench/guests/random.ts';

/** What has broken parsers before: numbers that are too long, depth, separators, halves of characters, controls. */
const SPLINTERS = [
  ...['9'.repeat(400), 'f'.repeat(400), '-1', '1e999', '18446744073709551616', 'NaN', '0x'],
  ...['['.repeat(300), '{"a":'.repeat(300), '}', '"', '\\', "'", '<!--', '&', '<a>', 'owner:{}', ' KVM'],
  ...[
    '$',
    '#',
    '#00',
    '+',
    '-',
    '*~',
    '}',
    'E01',
    'OK',
    'T05',
    '=',
    ':',
    ';',
    ',',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...['\r', '\n', '\0', ' '.repeat(300), '\u009b', '\u202e', '\u2028', '\ud800', 'ä', '\u001b[2J'],
].map((text) => Buffer.from(text));

/** One input out of others: cut, doubled, changed, with something foreign in it. */
export function mutate(seeds: readonly Buffer[], random: Random): Buffer {
  let bytes = pick(seeds, random);
  for (let changes = random.below(6); changes >= 0; changes--) bytes = change(bytes, seeds, random);
  return bytes;
}

function change(bytes: Buffer, seeds: readonly Buffer[], random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const end = at + random.below(bytes.length - at + 1);
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at, Math.min(end, at + 100_000))]).subarray(
        0,
        1 << 20,
      );
    case 3:
      return Buffer.concat([bytes.subarray(0, at), pick(seeds, random).subarray(random.below(200))]);
    case 4: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = random.below(256);
      return changed;
    }
    case 5:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256))),
        bytes.subarray(at),
      ]);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        pick(SPLINTERS, random),
        bytes.subarray(random.below(2) === 0 ? at : end),
      ]);
  }
}

function pick(from: readonly Buffer[], random: Random): Buffer {
  return from[random.below(from.length)] ?? Buffer.alloc(0);
}
