import { bitsMayBeSet, toTranslate2Answer, translate2ErrorOf } from '../../abi/index.ts';
import {
  type FaultedTranslation,
  type MappedTranslation,
  type PlannedBits,
  planBits,
  planNestedBits,
} from '../../paging/index.ts';
import { assumptionLines } from '../assumed/format-assumption.ts';
import { formatLinuxEntry } from '../linux/format-entry.ts';
import { formatDeviation } from '../reasons/format-deviation.ts';
import { formatReason } from '../reasons/format-reason.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatSize } from '../words/format-size.ts';
import { entryName } from './format-walk.ts';
import type { ReportedRegion, ReportedRomEntry, ReportedTranslation } from './reported-translation.ts';

const REGION_WORDS: Readonly<Record<ReportedRegion['kind'], string>> = {
  ram: 'in RAM',
  rom: 'in ROM',
  device: 'in device memory',
  none: 'not mapped to memory or a device',
};

/** Page-fault error code bits. SDM vol. 3A, 4.7. */
const ERROR_CODE_BITS = [
  [1 << 0, 'P'],
  [1 << 1, 'W'],
  [1 << 2, 'U'],
  [1 << 3, 'RSVD'],
  [1 << 4, 'I'],
  [1 << 5, 'PK'],
] as const;
const VECTOR_NAMES = { 12: '#SS', 13: '#GP', 14: '#PF' } as const;

/**
 * What came of it: where the address leads, or why it leads nowhere; what was set in guest memory; what had to be assumed.
 *
 * @returns lines, without line ends
 * @internal
 */
export function formatVerdict(reported: ReportedTranslation, style: Style): readonly string[] {
  const { translation } = reported;
  const outcome =
    translation.kind === 'mapped' ? formatMapped(translation, reported, style) : formatFault(translation, style);
  return [
    ...outcome,
    ...formatLinux(reported),
    ...formatBits(reported).map((line) => `  ${line}`),
    ...formatCaveats(reported, style),
  ];
}

/** What the guest's Linux means by the entry that the walk ended at. */
function formatLinux({ linuxEntry }: ReportedTranslation): string[] {
  const text = linuxEntry === undefined ? '' : formatLinuxEntry(linuxEntry);
  return text === '' ? [] : [`  Linux: ${text}`];
}

/** Entries where no bit can be set, what the machine would answer instead, and what the answer rests on. @internal */
export function formatCaveats(
  { inRom, deviation, assumed }: Pick<ReportedTranslation, 'inRom' | 'deviation' | 'assumed'>,
  style: Style,
): readonly string[] {
  return [
    ...formatRomEntries(inRom).map((line) => style.mark(line)),
    ...(deviation === null ? [] : [style.mark(`! this machine differs: ${formatDeviation(deviation)}`)]),
    ...assumptionLines(assumed, style),
  ];
}

/** One line for each region. */
function formatRomEntries(entries: readonly ReportedRomEntry[]): string[] {
  const names = [...new Set(entries.map(({ region }) => region.name))];
  return names.map((name) => {
    const there = entries.filter(({ region }) => region.name === name);
    const list = there.map(
      ({ stage, level, address }) =>
        `${stage === 'nested' ? "the second stage's " : ''}${entryName(level)} at ${formatHex(address)}`,
    );
    return `! in ROM (${name}), where no A or D bit can be set: ${list.join(', ')}`;
  });
}

function formatMapped(
  { physicalAddress, pageSizeBytes, rights }: MappedTranslation,
  { region, nested }: ReportedTranslation,
  style: Style,
): string[] {
  const where = region === null ? '' : ` ${describePlace(region)}`;
  const ofWhom = nested === null ? '' : " of L2's own tables";
  const page =
    pageSizeBytes === null
      ? 'no paging, no access rights'
      : [
          `${formatSize(pageSizeBytes)} page${ofWhom}`,
          rights.write ? 'writable' : 'read-only',
          rights.user ? 'user' : 'supervisor',
          rights.exec ? 'executable' : 'not executable',
        ].join(', ');
  const address = style.strong(formatHex(physicalAddress));
  if (nested?.translation.kind !== 'mapped') return [`${style.good('✓')} ${address}${where}: ${page}`];
  const l1 = `L1 physical ${style.strong(formatHex(nested.translation.l1PhysicalAddress))}`;
  return [`${style.good('✓')} L2 physical ${address} → ${l1}${where}: ${page}`];
}

/** `in RAM (pc.ram)`, `not in the dump`. */
function describePlace({ kind, name }: ReportedRegion): string {
  if (name === '') return REGION_WORDS[kind];
  return kind === 'none' ? name : `${REGION_WORDS[kind]} (${name})`;
}

function formatFault(translation: FaultedTranslation, style: Style): string[] {
  const { vector, errorCode, reason } = translation;
  const code =
    errorCode === null
      ? ' (the architecture defines no error code for this)'
      : ` error code ${formatHex(errorCode)}${vector === 14 ? ` (${formatErrorCode(errorCode)})` : ''}`;
  return [
    `${style.bad('✗')} ${style.strong(translate2ErrorOf(translation) ?? '')}: ${formatReason(reason)}`,
    // Where the second stage stopped it, the nested guest gets no exception: the exit is shown with that stage.
    ...(vector === null ? [] : [`  ${VECTOR_NAMES[vector]}${code}`]),
  ];
}

function formatErrorCode(errorCode: number): string {
  const names = ERROR_CODE_BITS.filter(([mask]) => (errorCode & mask) !== 0).map(([, name]) => name);
  return names.length === 0 ? 'no bit set' : names.join(' ');
}

/** What became of the flags; nothing to say when none was given. */
function formatBits({ request, translation, wrote, nested, bitsAreSet }: ReportedTranslation): string[] {
  const { flags } = request;
  if (!flags.setAccessed) return [];
  if (translation.kind === 'fault' && !flags.forceSetAccessed) {
    return ['no bits set: the translation failed and --force-set-accessed was not given'];
  }
  if (!bitsMayBeSet(translation, flags)) return ['no bits set: the address itself is refused, before any entry'];
  const written = wrote.length === 0 ? [] : [`set in guest memory: ${listBits(wrote)}`];
  if (toTranslate2Answer(translation, flags, bitsAreSet).setBitsSucceeded) {
    return written.length === 0 ? ['nothing to set: every bit asked for was set before'] : written;
  }
  const planned = nested === null ? planBits(translation, flags) : planNestedBits(nested.translation, flags);
  const all = [...wrote, ...(nested?.wrote ?? [])];
  const missing = planned.filter(({ address }) => !all.some((bits) => bits.address === address));
  const isOfStage = (bits: PlannedBits) => 'stage' in bits && bits.stage === 'nested';
  const lists = [
    listBits(missing.filter((bits) => !isOfStage(bits))),
    ...[listBits(missing.filter(isOfStage))].map((list) => (list === '' ? '' : `in the second stage ${list}`)),
  ].filter((list) => list !== '');
  return [
    ...written,
    `could not be set, as the entry is not in writable RAM or did not stay the same: ${lists.join('; ')}`,
  ];
}

/** `A in the PML4E, PDPTE, PDE, PTE; D in the PTE`. */
function listBits(bits: readonly PlannedBits[]): string {
  const list = (name: string, entries: readonly PlannedBits[]) =>
    entries.length === 0 ? [] : [`${name} in the ${entries.map(({ level }) => entryName(level)).join(', ')}`];
  const accessed = bits.filter((each) => each.accessed);
  const dirty = bits.filter((each) => each.dirty);
  return [...list('A', accessed), ...list('D', dirty)].join('; ');
}
