import type { EquivalentFaults } from './equivalent.ts';

export const IN_GDB: readonly EquivalentFaults[] = [
  {
    file: 'protocols/gdb/hex.js',
    reason: 'a byte is looked up, and there is none above 255',
    lines: ['const values = new Uint8Array(257).fill(0xff);', 'const values = new Uint8Array(256).fill(256);'],
  },
  {
    file: 'protocols/gdb/hex.js',
    reason: 'both ways of decoding give the same, one of them sooner',
    lines: ['const LONG_BYTES = 1025;', 'if (source.length > LONG_BYTES)'],
  },
  {
    file: 'protocols/gdb/packets/checksum.js',
    reason: 'both ways of adding up give the same, one of them sooner',
    lines: ['const LONG_BYTES = 257;', 'if (body.length <= LONG_BYTES)'],
  },
  {
    file: 'protocols/gdb/packets/checksum.js',
    reason: 'behind the last word there is nothing to add',
    lines: ['for (let at = 0; at <= words.length; at++) {'],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'a buffer that grows sooner or by more holds the same',
    lines: [
      '#carry = new Uint8Array(8193);',
      'if (needed >= this.#carry.length) {',
      'const larger = new Uint8Array(Math.max(needed, this.#carry.length / 2));',
      'const larger = new Uint8Array(Math.max(needed, this.#carry.length * 3));',
    ],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'nothing is moved or added where there is nothing, and a whole packet is longer than a byte',
    lines: ['if (used >= 0)', 'if (used > 1)', 'if (rest.length >= 0)'],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'the end of a packet is searched behind its beginning',
    lines: [
      'this.#keep(bytes.subarray(this.#scan(bytes, 1)));',
      'if (hash <= 0 || hash + 2 >= data.length)',
      'if (hash < 1 || hash + 2 >= data.length)',
    ],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'what is as long as a whole packet may be and has no end is refused now or with the next byte',
    lines: ['if (this.#carried < this.#maxPacketBytes)'],
  },
  {
    file: 'protocols/gdb/session/session.js',
    reason: 'a limit of time that is a millisecond longer shows nowhere',
    lines: ['if (restMs >= 0) {'],
  },
  {
    file: 'protocols/gdb/session/session.js',
    reason: 'set anew with what is sent first, before anything reads it',
    lines: ['#lastProgressMs = 1;', '#stopSeen = true;'],
  },
  {
    file: 'protocols/gdb/hex.js',
    reason: 'of what was seen, the upper four bits alone are looked at',
    lines: ['let seen = 1;'],
  },
  {
    file: 'protocols/gdb/target-description/xml-tokens.js',
    reason: 'no end is found before the two characters that it is searched behind',
    lines: ['if (end <= 0)', 'if (end < 1)'],
  },
  {
    file: 'protocols/gdb/target-description/xml-tokens.js',
    reason: 'behind the end there is nothing more to find',
    lines: ['while (at <= source.length) {'],
  },
  {
    file: 'protocols/gdb/target-description/xml-tokens.js',
    reason: 'of what is split, the first part alone is read',
    lines: ["const name = text.slice(start + 1, start + 1 + MAX_ENTITY_CHARS).split(';', 2)[0] ?? '';"],
  },
  {
    file: 'protocols/gdb/target-description/register-layout.js',
    reason: 'a number holds five bytes as exactly as four',
    lines: ['const step = Math.min(5, at - start);'],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'no run is written with so low a character',
    lines: ['const run = body[++index] ?? 1;'],
  },
  {
    file: 'protocols/gdb/target-description/parse-description.js',
    reason: 'so many bits are no whole bytes',
    lines: ['const MAX_REGISTER_BITS = 65537;', 'if (!(bits > 1 && bits <= MAX_REGISTER_BITS && bits % 8 === 0)) {'],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'what is searched once more has no end of a packet in it',
    lines: ['const hash = data.indexOf(HASH, Math.max(at + 1, searched - 3));'],
  },
  {
    file: 'protocols/gdb/target-description/load-layout.js',
    reason: 'a description that is kept is the same as one that is read again',
    lines: [
      'const MAX_KNOWN_CHARS = 65537;',
      'const MAX_KNOWN = 17;',
      'if (known.size <= MAX_KNOWN && text.length <= MAX_KNOWN_CHARS)',
      'if (known.size < MAX_KNOWN && text.length < MAX_KNOWN_CHARS)',
      'if (known.size < MAX_KNOWN || text.length <= MAX_KNOWN_CHARS)',
    ],
  },
];
