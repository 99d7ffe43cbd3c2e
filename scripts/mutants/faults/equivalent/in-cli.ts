import type { EquivalentFaults } from './equivalent.ts';

export const IN_CLI: readonly EquivalentFaults[] = [
  {
    file: 'src/cli/commands/watch/cleared-bits.js',
    reason: 'entries without a bit that is cleared are looked at once more when they are rewritten, and stay',
    lines: ['const leaves = moment.leaves.filter(({ accessed, dirty }) => accessed || (this.#clearsDirty || dirty));'],
  },
  {
    file: 'src/cli/commands/watch/cleared-bits.js',
    reason: 'the upper half of an entry that has none is compared with itself',
    lines: ['const high = sizeBytes === 8 ? (words[at / 4 + 1] ?? 0) : 1;'],
  },
  {
    file: 'src/cli/commands/watch/cleared-bits.js',
    reason: 'a page of tables has a word at each place of it, and the list is gone through as long as it is',
    lines: [
      'const low = words[at / 4] ?? 1;',
      'const high = sizeBytes === 8 ? (words[at / 4 + 1] ?? 1) : 0;',
      'const from = changed[first] ?? 1;',
    ],
  },
  {
    file: 'src/cli/commands/watch/entry-addresses.js',
    reason: 'each page was given its table',
    lines: ['const index = tableOf[at] ?? 1;'],
  },
  {
    file: 'src/cli/commands/watch/root-entries.js',
    reason: 'the words are gone through as long as there are any',
    lines: ['const low = before.#words[at] ?? 1;'],
  },
  {
    file: 'src/cli/commands/translate/answer-list.js',
    reason: 'a part was added before its length is asked for',
    lines: ['for (let count = 0; count < MAX_AHEAD; count += ahead.at(-1)?.length ?? 1) {'],
  },
  {
    file: 'src/cli/options/written-address.js',
    reason: 'the first piece alone is taken, however many there are',
    lines: ["const [word = ''] = text.trim().split(' ', 2);"],
  },
  {
    file: 'src/cli/io/address-list.js',
    reason: 'the first piece alone is taken, however many there are',
    lines: ["const [before = ''] = line.split('#', 2);"],
  },
  {
    file: 'src/cli/io/read-lines.js',
    reason: 'whether anything was read at all is asked, not how much',
    lines: ['total -= length;'],
  },
  {
    file: 'src/cli/session/names/kernel-files.js',
    reason: 'what Node reads a file into is aligned to 8 bytes, and a copy of it has the same bytes',
    lines: [
      'const names = decodeKernelNames(byteOffset % 8 !== 0 ? bytes : bytes.slice());',
      'const names = decodeKernelNames(byteOffset * 8 === 0 ? bytes : bytes.slice());',
      'const names = decodeKernelNames(byteOffset % 9 === 0 ? bytes : bytes.slice());',
      'const names = decodeKernelNames(byteOffset % 8 === 1 ? bytes : bytes.slice());',
    ],
  },
  {
    file: 'src/cli/session/with-guest.js',
    reason: 'void of any number is undefined',
    lines: ['const env_1 = { stack: [], error: void 1, hasError: false };'],
  },
  {
    file: 'src/cli/session/look-until.js',
    reason: 'how long the guest runs between two looks is a matter of chance, and of a few milliseconds',
    lines: [
      'await sleep(LEAST_RUN_MS / (1 + Math.random()), undefined, { signal: this.#context.signal });',
      'await sleep(LEAST_RUN_MS * (1 - Math.random()), undefined, { signal: this.#context.signal });',
      'await sleep(LEAST_RUN_MS * (2 + Math.random()), undefined, { signal: this.#context.signal });',
    ],
  },
  {
    file: 'src/cli/commands/translate/answer-addresses.js',
    reason: 'what is rehearsed makes the pause shorter, and changes no answer',
    lines: ['rehearseScope(view, needsOf(line), context);'],
  },
  {
    file: 'src/cli/commands/translate/answer-addresses.js',
    reason:
      'what is made ready before the pause, though nothing needs it, or is not, changes how long the pause takes alone',
    lines: [
      "const isUpper = (address) => address.kind !== 'number' && address.value >= UPPER_HALF;",
      "const isUpper = (address) => address.kind === 'number' || address.value >= UPPER_HALF;",
      "const isUpper = (address) => address.kind === 'number' && address.value > UPPER_HALF;",
    ],
  },
  {
    file: 'src/cli/session/names/kernel-files.js',
    reason: 'a time is there for each of its own keys',
    lines: [
      'const [latest] = [...usedMs.keys()].sort((one, other) => (usedMs.get(other) ?? 0) - (usedMs.get(one) ?? 1));',
      'const [latest] = [...usedMs.keys()].sort((one, other) => (usedMs.get(other) ?? 1) - (usedMs.get(one) ?? 0));',
    ],
  },
];
