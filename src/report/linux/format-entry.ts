import type { LinuxEntry } from '../../linux/index.ts';
import { formatHex } from '../words/format-hex.ts';

type Of<Kind extends LinuxEntry['kind']> = Extract<LinuxEntry, { readonly kind: Kind }>;

const BIT_WORDS = {
  special: 'special',
  'uffd-wp': 'write-protected by userfaultfd',
  'soft-dirty': 'soft-dirty',
  devmap: 'device memory (devmap)',
  'saved-dirty': 'dirty, kept apart from D (saved-dirty)',
} as const;

const MARK_WORDS = {
  'uffd-wp': 'write-protected by userfaultfd',
  poisoned: 'lost to an error',
  guard: 'guard page',
} as const;

const ALLOWS = { read: 'read-only', 'read-exclusive': 'read-only, exclusive', write: 'writable' } as const;

const SENTENCES: { readonly [Kind in LinuxEntry['kind']]: (entry: Of<Kind>) => string } = {
  empty: () => 'the entry is empty: there is no page yet, or none any more',
  'no-access': ({ physicalAddress, isInverted }) => {
    const where =
      physicalAddress === null
        ? 'no form of its address leads to memory'
        : `the page stays at ${formatHex(physicalAddress)}${isInverted ? ', inverted in the entry' : ''}`;
    return `access is taken away (PROT_NONE, or a NUMA hint): ${where}`;
  },
  swap: ({ type, offset, ...bits }) => `swapped out to swap area ${type}, page ${formatHex(offset)}${formatBits(bits)}`,
  migration: ({ allows, physicalAddress, ...bits }) =>
    `the page at ${formatHex(physicalAddress)} is being moved (${ALLOWS[allows]})${formatBits(bits)}`,
  poisoned: ({ physicalAddress }) => `the page at ${formatHex(physicalAddress)} is poisoned: its memory failed`,
  device: ({ frame }) => `the page is in the memory of a device, frame ${formatHex(frame)}`,
  marker: ({ marks, value }) =>
    `no page, but a marker: ${marks.length === 0 ? formatHex(value) : marks.map((each) => MARK_WORDS[each]).join(', ')}`,
  splitting: () => 'a large page that is being split',
  unknown: ({ type, offset }) =>
    type === null || offset === null
      ? 'the entry is not empty, and not of a form that is known'
      : `an entry of type ${type}, offset ${formatHex(offset)}, which this kernel does not explain`,
  present: ({ bits }) => bits.map((each) => BIT_WORDS[each]).join(', '),
};

function formatBits({ softDirty, uffdWp, exclusive }: Pick<Of<'swap'>, 'softDirty' | 'uffdWp' | 'exclusive'>): string {
  const words = [
    ...(softDirty ? ['soft-dirty'] : []),
    ...(uffdWp ? [BIT_WORDS['uffd-wp']] : []),
    ...(exclusive ? ['exclusive'] : []),
  ];
  return words.length === 0 ? '' : `; ${words.join(', ')}`;
}

/** What Linux means by an entry, in words; empty where it means nothing of its own. @public */
export function formatLinuxEntry<Kind extends LinuxEntry['kind']>(entry: Of<Kind>): string {
  const sentence: (entry: Of<Kind>) => string = SENTENCES[entry.kind as Kind];
  return sentence(entry);
}

/** @internal */
export function encodeLinuxEntry(entry: LinuxEntry): object {
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [name, typeof value === 'bigint' ? formatHex(value) : value]),
  );
}
