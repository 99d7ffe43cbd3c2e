import { bitsMayBeSet, toTranslate2Answer, translate2ErrorOf } from '../../abi/index.ts';
import { type FaultedTranslation, type MappedTranslation, type PlannedBits, planBits } from '../../paging/index.ts';
import { assumptionLines } from '../assumed/format-assumption.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatSize } from '../words/format-size.ts';
import { entryName } from './format-walk.ts';
import type { ReportedRegion, ReportedTranslation } from './reported-translation.ts';

const REGION_WORDS: Readonly<Record<ReportedRegion['kind'], string>> = {
  ram: 'in RAM',
  rom: 'in ROM',
  device: 'in device memory',
  none: 'where neither memory nor a device is',
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
  const { translation, region } = reported;
  const outcome =
    translation.kind === 'mapped'
      ? formatMapped(translation, region, style)
      : formatFault(translation, style, reported.nested?.translation.kind === 'nested-fault');
  return [...outcome, ...formatBits(reported).map((line) => `  ${line}`), ...formatCaveats(reported, style)];
}

/** Where the machine would answer otherwise, and what the answer rests on that was unavailable. @internal */
export function formatCaveats(
  { deviation, assumed }: Pick<ReportedTranslation, 'deviation' | 'assumed'>,
  style: Style,
): readonly string[] {
  return [
    ...(deviation === null ? [] : [style.mark(`! this machine differs: ${deviation}`)]),
    ...assumptionLines(assumed, style),
  ];
}

function formatMapped(
  { physicalAddress, pageSize, rights }: MappedTranslation,
  region: ReportedRegion | null,
  style: Style,
): string[] {
  const name = region === null || region.name === '' ? '' : ` (${region.name})`;
  const where = region === null ? '' : ` ${REGION_WORDS[region.kind]}${name}`;
  const page =
    pageSize === null
      ? 'no paging, no access rights'
      : [
          `${formatSize(pageSize)} page`,
          rights.write ? 'writable' : 'read-only',
          rights.user ? 'user' : 'supervisor',
          rights.exec ? 'executable' : 'not executable',
        ].join(', ');
  return [`${style.good('✓')} ${style.strong(formatHex(physicalAddress))}${where}: ${page}`];
}

/** @param isNested - the second stage stopped it: the guest gets no exception, and the exit is shown with that stage */
function formatFault(translation: FaultedTranslation, style: Style, isNested: boolean): string[] {
  const { vector, errorCode, reason } = translation;
  const code =
    errorCode === null
      ? ' (the architecture defines no error code for this)'
      : ` error code ${formatHex(errorCode)}${vector === 14 ? ` (${formatErrorCode(errorCode)})` : ''}`;
  return [
    `${style.bad('✗')} ${style.strong(translate2ErrorOf(translation) ?? '')}: ${reason}`,
    ...(isNested ? [] : [`  ${VECTOR_NAMES[vector]}${code}`]),
  ];
}

function formatErrorCode(errorCode: number): string {
  const names = ERROR_CODE_BITS.filter(([mask]) => (errorCode & mask) !== 0).map(([, name]) => name);
  return names.length === 0 ? 'no bit set' : names.join(' ');
}

/** What became of the flags; nothing to say when none was given. */
function formatBits({ request, translation, wrote, bitsAreSet }: ReportedTranslation): string[] {
  const { flags } = request;
  if (!flags.setAccessed) return [];
  if (translation.kind === 'fault' && !flags.forceSetAccessed) {
    return ['no bit was set, as the translation failed and FORCE_SET_ACCESSED was not asked for'];
  }
  if (!bitsMayBeSet(translation, flags)) return ['no bits set: the address itself is refused, before any entry'];
  const written = wrote.length === 0 ? [] : [`set in guest memory: ${listBits(wrote)}`];
  if (toTranslate2Answer(translation, flags, bitsAreSet).setBitsSucceeded) {
    return written.length === 0 ? ['nothing to set: every bit asked for was set before'] : written;
  }
  const missing = planBits(translation, flags).filter(({ level }) => !wrote.some((bits) => bits.level === level));
  return [
    ...written,
    `could not be set, as the entry is not in writable RAM or did not stay the same: ${listBits(missing)}`,
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
