/** One question to the demo's guest, and what has to come of it. */
export interface DemoQuestion {
  readonly title: string;
  /** What a reader should know before, and look at after. */
  readonly explanation: string;
  /** The command line after `pagewalk`. */
  readonly words: readonly string[];
  /** A part of the right answer; without it the demo has failed. */
  readonly answer: string;
  readonly exitStatus: 0 | 1;
}

/**
 * Where test/kernels/long4.asm has its pages: PML4[256] leads to a page table whose first entries are a page that everyone may
 * write, a read-only one, one for the supervisor alone, and further on nothing.
 */
const PAGE = {
  writable: '0xffff800000000123',
  readOnly: '0xffff800000001000',
  supervisor: '0xffff800000002000',
  notPresent: '0xffff800000006000',
} as const;

/** Reads only: nothing in the guest changes. */
export const QUESTIONS: readonly DemoQuestion[] = [
  {
    title: 'A page that is mapped',
    explanation:
      'Each line of the tree is one page-table entry: its place in its table, its physical address, its value, and the\n' +
      'bits that matter. The last one names the page; the offset 0x123 is added.',
    words: ['translate', PAGE.writable],
    answer: '✓ 0x120123 in RAM',
    exitStatus: 0,
  },
  {
    title: 'A write to a read-only page',
    explanation:
      'The walk gets to the page, but the page may not be written. ◄ marks the entry that takes the right away, and the\n' +
      'error code is the one that the processor would push.',
    words: ['translate', PAGE.readOnly, '--write'],
    answer: 'PRIVILEGE_VIOLATION',
    exitStatus: 1,
  },
  {
    title: 'A page that is not there',
    explanation: 'The last table has no entry for it.',
    words: ['translate', PAGE.notPresent],
    answer: 'NOT_PRESENT',
    exitStatus: 1,
  },
  {
    title: 'An address that no program can use',
    explanation: 'Bits 63 to 47 have to be equal. They are not, so no table is even looked at.',
    words: ['translate', '0x5000000000000000'],
    answer: 'INVALID_GVA',
    exitStatus: 1,
  },
  {
    title: "User mode, reaching for the supervisor's page",
    explanation: 'Every entry above lets users through; the last one does not.',
    words: ['translate', PAGE.supervisor, '--user'],
    answer: 'PRIVILEGE_VIOLATION',
    exitStatus: 1,
  },
];

/** The one that writes to the guest. */
export const SETTING_BITS: DemoQuestion = {
  title: 'Setting the accessed and dirty bits',
  explanation:
    'The same page again, as a write that sets bits: A (accessed) in each of the four entries and D (dirty) in the last,\n' +
    'as the processor would have done.',
  words: ['translate', PAGE.writable, '--write', '--set-accessed', '--set-dirty'],
  answer: 'set in guest memory: A in the PML4E, PDPTE, PDE, PTE; D in the PTE',
  exitStatus: 0,
};

/** The entries of that page's walk, by the names under which the kernel reports them, with the bits that get set. */
export const WATCHED_ENTRIES: readonly { readonly name: string; readonly bits: bigint; readonly shown: string }[] = [
  { name: 'pml4e-high', bits: 0x20n, shown: 'A is set' },
  { name: 'pdpte', bits: 0x20n, shown: 'A is set' },
  { name: 'pde', bits: 0x20n, shown: 'A is set' },
  { name: 'rw', bits: 0x60n, shown: 'A and D are set' },
];
