import type { EquivalentFaults } from './equivalent.ts';

export const IN_GDB: readonly EquivalentFaults[] = [
  {
    file: 'protocols/gdb/hex.js',
    reason: 'a byte is looked up, and there is none above 255',
    lines: ['const values = new Uint8Array(257).fill(0xff);', 'const values = new Uint8Array(256).fill(256);'],
  },
  {
    file: 'protocols/gdb/packets/packet-decoder.js',
    reason: 'what is searched once more has no end of a packet in it',
    lines: ['const hash = data.indexOf(HASH, Math.max(at + 1, searched - 3));'],
  },
  {
    file: 'protocols/gdb/target-description/load-layout.js',
    reason: 'a description that is kept is the same as one that is read again',
    lines: ['const MAX_KNOWN_CHARS = 65537;'],
  },
];
