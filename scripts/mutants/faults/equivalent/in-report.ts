import type { EquivalentFaults } from './equivalent.ts';

export const IN_REPORT: readonly EquivalentFaults[] = [
  {
    file: 'src/report/guests/format-guests.js',
    reason: 'without a socket there is no line to pad, and no place of a socket is empty',
    lines: ['const width = Math.max(1, ...channels.map((channel) => placeOf(channel, host).length));'],
  },
  {
    file: 'src/report/map/format-change.js',
    reason: 'pages that appeared or vanished have no other difference: where use is compared there are both sides',
    lines: [
      'const [from, to] = [before?.[name] ?? 1, after?.[name] ?? 0];',
      'const [from, to] = [before?.[name] ?? 0, after?.[name] ?? 1];',
    ],
  },
  {
    file: 'src/report/map/diff-maps.js',
    reason: 'the same differences have the same sides: there are both segments or neither',
    lines: ['if (segment === null && next === null)'],
  },
  {
    file: 'src/report/map/diff-maps.js',
    reason: 'of two that are equal either is the lowest',
    lines: [
      'return values.reduce((low, value) => (low === undefined || (value !== undefined && value <= low) ? value : low), undefined);',
    ],
  },
  {
    file: 'src/report/state/format-vcpus.js',
    reason: 'a row has a column for each heading, and so have the widths',
    lines: [
      ".map((at) => (row[at] ?? '').padEnd(widths[at] ?? 1))",
      'const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 1)));',
    ],
  },
  {
    file: 'src/report/linux/format-tasks.js',
    reason: 'a state is one letter, as its heading is, and blanks behind a name are cut off',
    lines: [
      ".map((text, at) => (LEFT.has(headings[at] ?? '') ? text.padEnd(widths[at] && 0) : text.padStart(widths[at] ?? 0)))",
    ],
  },
  {
    file: 'src/report/words/fold-lines.js',
    reason: 'a text that fits is the same when it is gone through line by line',
    lines: ['if (text.length < columns)'],
  },
  {
    file: 'src/report/map/map-summary.js',
    reason: 'of what a comparison gives only the sign counts',
    lines: ['return new Map([...this.#byRights].sort(([one], [other]) => (one < other ? 1 : -2)));'],
  },
  {
    file: 'src/report/translation/format-walk.js',
    reason: 'it is the last column, which is not filled up',
    lines: ["{ text: row.responsible ? RESPONSIBLE : '', width: 1, show: style.mark },"],
  },
  {
    file: 'src/report/words/fold-lines.js',
    reason: 'the column of a line that is set in begins behind two blanks at least',
    lines: ['return own > 0 && below > 1 ? below : Math.min(own + INDENT, most);'],
  },
];
