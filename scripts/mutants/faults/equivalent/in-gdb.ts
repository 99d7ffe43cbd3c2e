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
    file: 'protocols/gdb/target-description/xml-tokens.js',
    reason: 'of what is split, the first part alone is read',
    lines: ["const name = text.slice(start + 1, start + 1 + MAX_ENTITY_CHARS).split(';', 2)[0] ?? '';"],
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
    ],
  },
];
