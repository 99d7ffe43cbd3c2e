import type { EquivalentFaults } from './equivalent.ts';

export const IN_GUEST: readonly EquivalentFaults[] = [
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'any number below zero says that a walk has ended',
    lines: ['return -2;'],
  },
  {
    file: 'src/guest/found/process-facts.js',
    reason: 'a limit on parts of which only the first are looked at',
    lines: ["const rows = text.split('\\n').map((row) => row.split(':', 5));"],
  },
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'which walks have their last entries fetched side by side changes how long they take alone',
    lines: [
      'if (open === undefined && at % FETCHED_TOGETHER === 1)',
      'if (open === undefined && at % FETCHED_TOGETHER !== 0)',
      'if (open === undefined && at * FETCHED_TOGETHER === 0)',
      'if (open === undefined || at % FETCHED_TOGETHER === 0)',
      'if (open !== undefined && at % FETCHED_TOGETHER === 0)',
      'this.#touch(at, Math.min(at - FETCHED_TOGETHER, count));',
      '#touch(first, end) { return;',
      'const last = this.#walk.context.levels.at(-2);',
      'const wordsOfEntry = entrySizeBytes * 4;',
      'const wordsOfEntry = entrySizeBytes / 5;',
      'for (let index = first; index < end; index += 2) {',
      'const slot = this.#structures.find(halves[index / 2 + 1], low);',
      'const slot = this.#structures.find(halves[index * 3 + 1], low);',
      'const slot = this.#structures.find(halves[index * 2 - 1], low);',
      'const slot = this.#structures.find(halves[index * 2 + 2], low);',
      'const firstWord = slot <= 0 ? -1 : firstWordOf[slot];',
      'const firstWord = slot < 1 ? -1 : firstWordOf[slot];',
      'if (firstWord <= 0)',
      'if (firstWord < 1)',
      'places[count] = firstWord - ((low >>> shift) & indexMask) * wordsOfEntry;',
      'places[count] = firstWord + ((low << shift) & indexMask) * wordsOfEntry;',
      'places[count] = firstWord + ((low >>> shift) | indexMask) * wordsOfEntry;',
      'places[count] = firstWord + ((low >>> shift) & indexMask) / wordsOfEntry;',
      'count -= 1;',
      'for (let at = 1; at < count;) {',
      'for (; at <= count && sources[at] === source; at += 1)',
      'for (; at < count || sources[at] === source; at += 1)',
      'for (; at < count && sources[at] === source; at += 2)',
    ],
  },
  {
    file: 'src/guest/walks/walk-many.js',
    reason:
      'the first of the tables at hand, and one at the beginning of what was fetched, are come to by a whole walk instead',
    lines: [
      'if (known > 0 && tables.firstWordOf[known] >= 0) {',
      'if (known >= 1 && tables.firstWordOf[known] >= 0) {',
      'if (known >= 0 && tables.firstWordOf[known] > 0) {',
      'if (known >= 0 && tables.firstWordOf[known] >= 1) {',
      'if (number > 0)',
      'if (number >= 1)',
    ],
  },
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'a table that is at hand, or is going to be, is walked to once more beforehand, for nothing',
    lines: [
      'if (this.#structures.find(high, low) > 0)',
      'if (this.#structures.find(high, low) >= 1)',
      'if (seen.find(high, low) > 0 || !this.#start(index))',
      'if (seen.find(high, low) >= 1 || !this.#start(index))',
    ],
  },
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'to load no page reads nothing',
    lines: ['if (missing.size >= 0)'],
  },
  {
    file: 'src/guest/walks/walk-many-nested.js',
    reason: 'how many are walked together decides how much of a cache they take, and it has room for more',
    lines: ['export const NESTED_WALKED_TOGETHER = 2049;'],
  },
  {
    file: 'src/guest/walks/translation-table.js',
    reason: 'a row that says that its address is mapped, or its page refused, has a value in every column',
    lines: [
      'return this.isMapped(index) ? BigInt(this.columns.physical[index] ?? 1) : null;',
      'return inL1 !== null && this.isMapped(index) ? BigInt(inL1[index] ?? 1) : null;',
      'const bits = this.columns.rights[index] ?? 1;',
      'const leaf = this.isMapped(index) ? this.context.levels[(this.columns.depths[index] ?? 1) - 1] : undefined;',
      'return this.#isPageRefused(index) ? BigInt(this.columns.physical[index] ?? 1) : null;',
    ],
  },
  {
    file: 'src/guest/walks/translation-table.js',
    reason: 'of what is refused only whether it is the page is asked of the depth',
    lines: ['depths[index] = walk.isAtPage ? PAGE_REFUSED : 1;'],
  },
  {
    file: 'src/guest/walks/translation-table.js',
    reason: 'any number below zero says that no entry is to blame',
    lines: ['const address = this.columns.physical[index] ?? -2;'],
  },
  {
    file: 'src/guest/walks/walk-each.js',
    reason: 'a batch of no addresses walks nothing',
    lines: ['for (let start = 0; start <= addresses.length; start += together) {'],
  },
  {
    file: 'src/guest/answers/answer-requests.js',
    reason: 'a batch of no requests has no answers',
    lines: ['for (let start = 0; start <= questions.length; start += together) {'],
  },
  {
    file: 'src/guest/answers/assumptions.js',
    reason: 'privilege levels below 3 judge alike',
    lines: ['cpl: [1, 3],', 'cpl: [0, 4],'],
  },
  {
    file: 'src/guest/answers/assumptions.js',
    reason: 'AC is the only flag that a walk looks at',
    lines: ['rflags: [3n, 0x40002n],', 'rflags: [2n, 262147n],'],
  },
  {
    file: 'src/guest/answers/assumptions.js',
    reason: 'behind its last row two tables say the same: nothing',
    lines: ['for (let at = 0; at <= table.length; at += 1)'],
  },
  {
    file: 'src/guest/table-snapshot.js',
    reason: 'the root is a table by itself, whatever is looked at below it',
    lines: ['const ROOT_ALONE = { firstPage: 2, lastPage: 0 };', 'const ROOT_ALONE = { firstPage: 1, lastPage: 1 };'],
  },
  {
    file: 'src/guest/table-snapshot.js',
    reason: 'no table below the root is looked at, so none of them can lack its memory',
    lines: ['return tables > 1 || unbackedTables === 0;'],
  },
  {
    file: 'src/guest/answers/two-stages.js',
    reason: 'a table that the second stage keeps from a guest is one of a level that the guest has',
    lines: ['return { level: (read ?? levels[guestSteps.length])?.level ?? 1, address: l2PhysicalAddress };'],
  },
  {
    file: 'src/guest/identity-space.js',
    reason:
      'pages end where pages do; addresses are their own physical ones, but for pieces that are too short for large pages',
    lines: [
      'while (address < last) {',
      'const size = SIZES.find((each) => (address & physicalAddress) % each === 0n && address + each - 1n <= last) ?? PAGE;',
      'const size = SIZES.find((each) => (address | physicalAddress) % each === 0n && address + each - 2n <= last) ?? PAGE;',
    ],
  },
  {
    file: 'src/guest/guest-view.js',
    reason: 'protection keys judge where a walk ends: without them it ends no earlier, and no page is missing',
    lines: ['const { state, context, machineContext, nested } = await this.#staged(scope, false);'],
  },
  {
    file: 'src/guest/walks/retranslate.js',
    reason: 'an entry that is to blame was read, unless its table is in no memory',
    lines: ["const isUnbacked = translation.kind === 'fault' || translation.cause === 'unbacked-table';"],
  },
  {
    file: 'src/guest/walks/retranslate.js',
    reason: 'what is mapped has no cause, and a fault has one',
    lines: ["if (one.kind === 'mapped' && other.kind === 'mapped') {"],
  },
  {
    file: 'src/guest/walks/walk-many-nested.js',
    reason:
      'records of steps are kept, and not looked at; to load no page reads nothing; any number below zero says that a walk has ended',
    lines: [
      'export async function walkManyNested(guest, nested, { halves, accesses }, cache, done, keepsRecords = true) {',
      'if (missing.size >= 0)',
      'return -2;',
    ],
  },
  {
    file: 'src/guest/linear-range.js',
    reason: 'where the upper half begins it begins',
    lines: [
      'return [first >= half && first <= upper ? upper : first, last >= half && last < upper ? half - 1n : last];',
    ],
  },
  {
    file: 'src/guest/memory/region-set.js',
    reason: 'each region of the map has a bit, and so has what lies elsewhere',
    lines: ['this.#lastBit = this.#bitOf.get(keyOf(region)) ?? 1;'],
  },
  {
    file: 'src/guest/memory/host/layered-memory.js',
    reason: 'reading no page at all is nothing',
    lines: ['for (let from = 0; from <= pages.length && telling.length < SAMPLES; from += AT_ONCE) {'],
  },
  {
    file: 'src/guest/restore/safekeeping.js',
    reason: 'it counts only once no watchdog is being started, which is after it was set',
    lines: ['#isInHand = true;'],
  },
  {
    file: 'src/guest/peer/socket-tables.js',
    reason: 'a limit on parts of which only the first are looked at',
    lines: [
      "const [, , , flags = '', , , inode = ''] = line.trimStart().split(/ {1,20}/, 8);",
      "const [, local = '', remote = '', printed = '', , , , uid, , inode] = line.trim().split(/ {1,20}/, 11);",
      "const port = Number.parseInt(local.split(':', 3)[1] ?? '', 16);",
      "const [printed = '', printedPort = ''] = text.split(':', 3);",
      "const [head = '', tail] = address.split('::', 3);",
    ],
  },
  {
    file: 'src/guest/found/other-ends.js',
    reason: 'the words at the end of a row are shorter by far',
    lines: [
      "const [own, asterisk, other] = line.trimEnd().slice(-201).split(' ').filter(Boolean).slice(-3).map(Number);",
    ],
  },
  {
    file: 'src/guest/found/this-host.js',
    reason: 'what is thrown for a process that is gone is caught, and there is none either way',
    lines: [`user: (pid) => quietly(() => statSync(\`/proc/\${pid}\`, { throwIfNoEntry: true }))?.uid,`],
  },
  {
    file: 'src/guest/peer/processes.js',
    reason: 'what is thrown for a process that is gone is caught, and there is none either way',
    lines: [`if (statSync(\`/proc/\${pid}/exe\`, { throwIfNoEntry: true }) === undefined)`],
  },
  {
    file: 'src/guest/peer/process-life.js',
    reason:
      'the first field is the state, of one letter: without it the field is empty, and all others are where they were',
    lines: ["return stat.slice(stat.lastIndexOf(')') + 3).split(' ')[19] ?? null;"],
  },
  {
    file: 'src/guest/memory/host/open-mapped-file.js',
    reason: 'a descriptor that is gone when its link is read cannot be opened either',
    lines: ['return true;'],
  },
  {
    file: 'src/guest/linux/look-for-linux.js',
    reason: 'bit 0 of CR3 is no part of a root, and of one root that is looked at twice the same is said',
    lines: [
      'const USER_ROOT_BIT = 4097n;',
      'return (cr3 & USER_ROOT_BIT) === 1n ? [cr3] : [cr3 & ~USER_ROOT_BIT, cr3];',
      'return (cr3 | USER_ROOT_BIT) === 0n ? [cr3] : [cr3 & ~USER_ROOT_BIT, cr3];',
    ],
  },
  {
    file: 'src/guest/vcpu/hidden-registers.js',
    reason: 'QEMU has saved all four PDPTE registers, or none',
    lines: [
      'return first === undefined && second === undefined || third === undefined || fourth === undefined',
      'return first === undefined || second === undefined && third === undefined || fourth === undefined',
      'return first === undefined || second === undefined || third === undefined && fourth === undefined',
    ],
  },
  {
    file: 'src/guest/rehearsal/rehearse-host-memory.js',
    reason: 'nothing that is read in a rehearsal is kept, and any piece of this process does; it is read at once',
    lines: [
      'const PAGES = 17;',
      'const PAGE_BYTES = 4097;',
      "const place = parseMappings(readFileSync('/proc/self/maps', 'latin1')).find(({ isReadable, first, end }) => isReadable && end - first > lengthBytes);",
      "const map = new MemoryMap([{ kind: 'ram', name: 'ram', first: 0n, last: BigInt(lengthBytes + 1), offset: 0n }]);",
      "const map = new MemoryMap([{ kind: 'ram', name: 'ram', first: 0n, last: BigInt(lengthBytes - 2), offset: 0n }]);",
      "const map = new MemoryMap([{ kind: 'ram', name: 'ram', first: 0n, last: BigInt(lengthBytes - 1), offset: 1n }]);",
      'host.read(pieces, targets);',
      'const layers = __addDisposableResource(env_1, await openLayeredMemory(host, trusted, map, comparePaused, 1), false);',
      'await layers.memory.read([{ address: 1, lengthBytes }]);',
    ],
  },
  {
    file: 'src/guest/memory/memory-map.js',
    reason: 'of two numbers that are the same either is taken',
    lines: [
      'return { region, first: Number(first), last: last >= BigInt(PHYSICAL_END) ? PHYSICAL_END : Number(last) };',
    ],
  },
  {
    file: 'src/guest/qemu/select-memory-map.js',
    reason: 'of two numbers that are the same either is taken',
    lines: ['return one >= other ? one : other;', 'return one <= other ? one : other;'],
  },
  {
    file: 'src/guest/memory/page-cache.js',
    reason:
      'a page that is memory throughout can be read wherever it is asked for; the look into the set is saved alone',
    lines: ['#hasPartial = true;', 'if (!this.#hasPartial && !this.#partial.has(Math.floor(address / PAGE_BYTES)))'],
  },
  {
    file: 'src/guest/memory/host/mappings.js',
    reason: 'a text that is split has a first piece',
    lines: [`const [major = 1n, minor = 0n] = text.split(':', 2).map((digits) => BigInt(\`0x\${digits || '0'}\`));`],
  },
];
