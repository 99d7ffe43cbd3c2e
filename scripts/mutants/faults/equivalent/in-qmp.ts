import type { EquivalentFaults } from './equivalent.ts';

export const IN_QMP: readonly EquivalentFaults[] = [
  {
    file: 'protocols/qmp/device-state/device-state.js',
    reason: 'a file begins with QEVM: nothing else is found at its start',
    lines: ['for (let at = buffer.indexOf(name); at >= 1; at = buffer.indexOf(name, at + 1)) {'],
  },
  {
    file: 'protocols/qmp/message-channel.js',
    reason: 'of a chunk nothing is added to what is full',
    lines: ['if (this.#head.length > HEAD_BYTES)'],
  },
  {
    file: 'protocols/qmp/device-state/section.js',
    reason: 'behind the end there is no name, however long it should be',
    lines: ['const length = bytes[offset + 5] ?? 1;'],
  },
  {
    file: 'protocols/qmp/device-state/cpu-extras.js',
    reason: 'the flag is in the upper half',
    lines: ["const flagsHigh = open(cpu, 'cpu/nested_state', 8)?.u32() ?? 1;"],
  },
  {
    file: 'protocols/qmp/device-state/subsections.js',
    reason: 'behind the end there is no name, however long it should be',
    lines: [
      'return bytes[offset] === SUBSECTION && (bytes[offset + 1] ?? 1) > PREFIX.length && hasPrefix(bytes, offset + 2);',
    ],
  },
  {
    file: 'protocols/qmp/monitor-text/qom-tree.js',
    reason: 'where an object begins there is a slash, and no blank',
    lines: ["if (start % INDENT !== 0 || text[start] !== '/' || open < start || !text.endsWith(')')) {"],
  },
  {
    file: 'protocols/qmp/monitor-text/info-kvm.js',
    reason: 'of what is split, the first part alone is read',
    lines: ["switch (text.trim().split('\\n', 2)[0]?.trimEnd()) {"],
  },
  {
    file: 'protocols/qmp/monitor-text/gpa2hva.js',
    reason: 'of what is split, the first part alone is read',
    lines: ["const [line = ''] = text.split('\\n', 2);"],
  },
  {
    file: 'protocols/qmp/monitor-text/lines.js',
    reason: 'before an empty line stands the end of another',
    lines: ['const hasReturn = lineEnd >= start && this.#whole.charCodeAt(stop - 1) === CARRIAGE_RETURN;'],
  },
  {
    file: 'protocols/qmp/monitor-text/info-registers.js',
    reason: 'no name is longer, and QEMU puts one blank at most behind it',
    lines: ['const MAX_NAME_CHARS = 5;'],
  },
  {
    file: 'protocols/qmp/monitor-text/info-registers.js',
    reason: 'at the start of a line no name is before it',
    lines: [
      'while (end >= 0 && line.charCodeAt(end - 1) === SPACE && mark - end < MAX_NAME_CHARS)',
      'while (end > 1 && line.charCodeAt(end - 1) === SPACE && mark - end < MAX_NAME_CHARS)',
      "for (let mark = line.indexOf('='); mark >= 1; mark = line.indexOf('=', mark + 1)) {",
    ],
  },
  {
    file: 'protocols/qmp/whole-lines.js',
    reason: 'of nothing nothing is kept',
    lines: ['if (end <= chunk.length)'],
  },
  {
    file: 'protocols/qmp/client.js',
    reason: 'a limit of time that is a millisecond longer shows nowhere',
    lines: ['const remainingMs = Math.max(1, deadline - nowMs());'],
  },
  {
    file: 'protocols/qmp/device-state/cpu-fields.js',
    reason: 'the EFER of i386 is kept apart, and put in its place by who reads the section',
    lines: [': [1n, 0n, 0n, 0n, 0n, 0n];'],
  },
  {
    file: 'protocols/qmp/monitor-text/flat-view.js',
    reason: 'no two marks begin at the same place, and none at the end',
    lines: ['if (at >= 0 && at <= first)'],
  },
];
