import type { NestedStep, NestedTranslation, PagingMode, PlannedBits, WalkStep } from '../../paging/index.ts';
import type { Style } from '../style.ts';
import { entryFlags } from '../words/entry-flags.ts';
import { eptFlags } from '../words/ept-flags.ts';
import { entryDigits, formatHex } from '../words/format-hex.ts';
import { bitNames, entryName } from './format-walk.ts';
import type { ReportedTranslation } from './reported-translation.ts';

/** A nested entry in one line; which rows there are and how they hang together is the first stage's business. */
function formatEntry(step: WalkStep, isEpt: boolean, mode: PagingMode, isResponsible: boolean, style: Style): string {
  const value = formatHex(step.value, entryDigits(step.sizeBytes));
  const flags = (isEpt ? eptFlags(step) : entryFlags(step, mode)).join(' ');
  const mark = isResponsible ? `  ${style.mark('◄ responsible')}` : '';
  const where = style.faint(`${formatHex(step.address)}:`);
  return `${step.table}[${step.index}] ${where} ${(isResponsible ? style.bad : same)(value)}  ${flags}${mark}`;
}

const same = (text: string) => text;

function headingOf(walk: NestedStep, at: number, guestSteps: readonly WalkStep[]): string {
  const guestEntry = guestSteps[at];
  const what = walk.purpose === 'final' ? 'page' : guestEntry ? entryName(guestEntry.level) : 'next entry';
  const l1 = walk.l1PhysicalAddress === null ? 'not translated' : `L1 physical ${formatHex(walk.l1PhysicalAddress)}`;
  return `${what} at L2 physical ${formatHex(walk.l2PhysicalAddress)} → ${l1}`;
}

/** Walks through the same entries, with the heading of each. */
interface Block {
  readonly headings: string[];
  readonly walk: NestedStep;
  readonly isStopped: boolean;
}

/** Most second stages map large pages: the guest's tables and its page then share the entries. */
function foldWalks(walks: readonly NestedStep[], guestSteps: readonly WalkStep[]): readonly Block[] {
  const blocks = new Map<string, Block>();
  walks.forEach((walk, at) => {
    const isStopped = walk.l1PhysicalAddress === null;
    const entries = walk.steps.map(({ address, value }) => `${address}=${value}`);
    // What stops a walk is marked there, and not where an earlier one passed.
    const key = [isStopped, ...entries].join();
    const block = blocks.get(key) ?? { headings: [], walk, isStopped };
    block.headings.push(`  ${headingOf(walk, at, guestSteps)}`);
    blocks.set(key, block);
  });
  return [...blocks.values()];
}

/**
 * The second stage of a walk: each L2 physical address that it was asked for, in the processor's order, and below it
 * the nested entries; those that several walks went through are shown once, below all of these.
 *
 * ```
 * second stage
 *   PML4E at L2 physical 0x1000 → L1 physical 0x201000
 *   PDPTE at L2 physical 0x2000 → L1 physical 0x202000
 *     PML4[0] 0x300000: 0x0000000000301007  P RW US
 *     …
 * ```
 *
 * @returns lines, without line ends; none when there is one stage
 * @internal
 */
export function formatSecondStage({ nested: second }: ReportedTranslation, style: Style): readonly string[] {
  if (second === null) return [];
  const { translation: nested, wrote } = second;
  const isEpt = nested.nestedKind === 'ept';
  const guestSteps = nested.kind === 'nested-fault' ? nested.guestSteps : nested.guest.steps;
  const responsible = nested.kind === 'nested-fault' ? nested.responsible : null;
  const blocks = foldWalks(nested.walks, guestSteps).flatMap(({ headings, walk, isStopped }) => [
    ...headings,
    ...walk.steps.map((step) => {
      const isResponsible = isStopped && step.address === responsible?.address;
      const entry = formatEntry(step, isEpt, isLongMode(walk) ? '4-level' : 'pae', isResponsible, style);
      return `    ${entry}${formatAdded(step, wrote, style)}`;
    }),
  ]);
  return [style.strong('second stage'), ...blocks, ...exitLines(nested)];
}

/** The bits set in this entry; several walks may have used it. */
function formatAdded({ address }: WalkStep, wrote: readonly PlannedBits[], style: Style): string {
  const bits = wrote.find((planned) => planned.address === address);
  return bits
    ? `  ${style.good(
        bitNames(bits)
          .map((name) => `+${name}`)
          .join(' '),
      )}`
    : '';
}

/** Protection keys are shown in long mode alone. */
function isLongMode({ steps }: NestedStep): boolean {
  return steps.some(({ level }) => level >= 4);
}

function exitLines(nested: NestedTranslation): string[] {
  if (nested.kind !== 'nested-fault') return [];
  if (nested.exitInfo1 !== null) {
    return [`  #NPF: EXITINFO1 ${formatHex(nested.exitInfo1)}, EXITINFO2 ${formatHex(nested.l2PhysicalAddress)}`];
  }
  if (nested.exitQualification !== null) {
    return [`  EPT violation: exit qualification ${formatHex(nested.exitQualification)}`];
  }
  return nested.cause === 'misconfiguration' ? ['  EPT misconfiguration (exit reason 49)'] : [];
}
