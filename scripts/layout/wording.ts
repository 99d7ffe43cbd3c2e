import { type Finding, findMatches, type SourceFile } from './source-file.ts';

interface Wording {
  readonly pattern: RegExp;
  /** In which files; everywhere unless given. */
  readonly within?: RegExp;
  readonly problem: (found: string) => string;
}

const WORDINGS: readonly Wording[] = [
  {
    // In comments, and headings and lists of documents.
    pattern: /(?<=(?:\/\/|[*;#])[^\n]*)\b(?:TO[D]O|FIX[M]E)\b(?!\(#\d+\))/g,
    problem: (found) => `${found} names no issue: ${found}(#12)`,
  },
  {
    // Of one machine, and no other.
    pattern: /(?<![\w.$}-])\/(?:home|root|work|Users)\/\w+/g,
    problem: (found) => `${found} is a path of one machine`,
  },
  {
    // Where packages come from is the reader's own setting.
    pattern: /\bhttps?:\/\/(?:registry\.|localhost|127\.|10\.|192\.168\.)[^\s"')]*/g,
    problem: (found) => `${found} is an address of one network, or a registry`,
  },
  // One word for one thing: what a kernel developer has to read twice has another word here.
  ...Object.entries({
    'could not be had|cannot be had|(?:is|are) not to be had|to be had': 'unavailable',
    'st(?:ands?|ood|anding) still': 'paused',
    'guest of a guest|guest.s guest|guest in the guest': 'nested guest (L2), whose hypervisor is L1',
    'found by itself': 'detected automatically',
    'has been given': 'got',
    'g(?:iven|ives?|ave) up': 'incomplete, stopped, or closed',
    'runs? of pages': 'range',
  }).map(([words, better]) => ({
    pattern: new RegExp(`\\b(?:${words})\\b`, 'gi'),
    problem: (found: string) => `"${found}": say ${better}`,
  })),
  {
    // Why is a code with its evidence there; the report makes the sentence (docs/architecture.md).
    pattern: /(?<=readonly )(?:why|reason|note|sentence)(?=\??: string\b)/g,
    within: /^src\/(?:paging|abi|guest)\//,
    problem: (found) => `"${found}" is a sentence: give a code, of which src/report makes one`,
  },
  {
    // Everyone has a name. In quotes it is the name of a user of most systems.
    pattern: /(?<![`'/])\b(?:nobody|somebody|anybody|whoever)\b/gi,
    problem: (found) => `"${found}": say who (another client, the reader, no process)`,
  },
];

/** Where the words themselves are listed. */
const LISTS = new Set(['scripts/layout/wording.ts', 'test/unit/scripts/check-layout.test.ts']);

/** What must not be in any text of this repository. */
export function checkWording(files: readonly SourceFile[]): Finding[] {
  return WORDINGS.flatMap(({ pattern, within, problem }) =>
    findMatches(
      files,
      pattern,
      (path) => !LISTS.has(path) && (within?.test(path) ?? true),
      ([found]) => problem(found),
    ),
  );
}
