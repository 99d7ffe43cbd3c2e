import { type Translate2ErrorName, translate2ErrorOf } from '../../abi/index.ts';
import type { FaultCause, Rights, TableName, Translation, WalkStep } from '../../paging/index.ts';
import { formatHex, formatRights, formatSize } from '../../report/index.ts';
import type { AnyAnswer } from '../answers/guest-answer.ts';
import { QemuOptionError } from '../errors.ts';
import { nameAnswer, showAnswer } from './show-answer.ts';
import { makeVerdict, requirePass, type Verdict } from './verdict.ts';

/** Rights as `map` prints them: `r-x-` is supervisor code, `rw-u` user data. @public */
export type RightsText = `${'r' | '-'}${'w' | '-'}${'x' | '-'}${'u' | '-'}`;

/** Why an access fails: by KVM_TRANSLATE2's name, or by the cause of the translation. @public */
export type FaultName = Translate2ErrorName | FaultCause;

/** An entry by its table: `PTE` and `PT` are the same. @public */
export type EntryName = 'PTE' | 'PDE' | 'PDPTE' | 'PML4E' | 'PML5E' | TableName;

/** What is expected of an address that can be accessed. @public */
export interface MappedExpectation {
  readonly rights?: RightsText;
  readonly physicalAddress?: bigint;
  readonly pageSizeBytes?: number;
  /** Of the entry that maps the page. */
  readonly accessed?: boolean;
  readonly dirty?: boolean;
}

/** What is expected of an address that cannot be accessed. @public */
export interface FaultExpectation {
  readonly fault?: FaultName;
  /** The responsible entry. */
  readonly at?: EntryName;
  /** Of the page fault. */
  readonly errorCode?: number;
}

const TABLES: Readonly<Record<EntryName, TableName>> = {
  ...{ PTE: 'PT', PDE: 'PD', PDPTE: 'PDPT', PML4E: 'PML4', PML5E: 'PML5' },
  ...{ PT: 'PT', PD: 'PD', PDPT: 'PDPT', PML4: 'PML4', PML5: 'PML5' },
};
const ENTRIES: Readonly<Record<TableName, string>> = {
  ...{ PT: 'PTE', PD: 'PDE', PDPT: 'PDPTE', PML4: 'PML4E', PML5: 'PML5E' },
};
type FaultTranslation = Translation & { readonly kind: 'fault' };

const RIGHTS = /^[r-][w-][x-][u-]$/;

/** Whether an access can be made, and leads where it should. @internal */
export function judgeMapped(answer: AnyAnswer, wanted: MappedExpectation = {}): Verdict {
  if (wanted.rights !== undefined) requireRights(wanted.rights);
  const problem = unmetOf(answer, wanted);
  return judge(answer, problem === undefined, wordsOfMapped(wanted), problem ?? outcomeOf(answer.translation));
}

function unmetOf({ translation }: AnyAnswer, wanted: MappedExpectation): string | undefined {
  if (translation.kind === 'fault') return outcomeOf(translation);
  const { rights, physicalAddress, pageSizeBytes } = wanted;
  if (rights !== undefined && !sameRights(translation.rights, rights)) {
    return `its rights are ${formatRights(translation.rights)}`;
  }
  if (physicalAddress !== undefined && physicalAddress !== translation.physicalAddress) {
    return `it leads to ${formatHex(translation.physicalAddress)}`;
  }
  if (pageSizeBytes !== undefined && pageSizeBytes !== translation.pageSizeBytes) return `it is ${sizeOf(translation)}`;
  return unmetUsage(translation, wanted);
}

function unmetUsage(translation: Translation, { accessed, dirty }: MappedExpectation): string | undefined {
  const leaf = leafOf(translation);
  const wanted = [
    [accessed, 'accessed', 'A'],
    [dirty, 'dirty', 'D'],
  ] as const;
  for (const [value, name, letter] of wanted) {
    if (value === undefined || (leaf !== undefined && hasBit(leaf, name) === value)) continue;
    return leaf === undefined ? 'no entry maps it' : `${letter} is ${value ? 'clear' : 'set'} in the ${entryOf(leaf)}`;
  }
  return undefined;
}

/** Whether an access faults as it should. @internal */
export function judgeFault(answer: AnyAnswer, wanted: FaultExpectation = {}): Verdict {
  const { translation } = answer;
  const problems: string[] = [];
  if (translation.kind === 'mapped') problems.push(outcomeOf(translation));
  else {
    problems.push(...unmetOfFault(translation, wanted));
  }
  const found = problems.length === 0 ? outcomeOf(translation) : problems.join(', and ');
  return judge(answer, problems.length === 0, wordsOfFault(wanted), found);
}

function unmetOfFault(translation: FaultTranslation, { fault, at, errorCode }: FaultExpectation): string[] {
  const { cause, errorCode: code } = translation;
  // That says which entry, and with which code.
  if (fault !== undefined && nameOf(translation) !== fault && cause !== fault) return [outcomeOf(translation)];
  const problems: string[] = [];
  const responsible = responsibleOf(translation);
  if (at !== undefined && (responsible === undefined || responsible.table !== TABLES[at])) {
    problems.push(responsible === undefined ? 'no entry is to blame' : `the ${entryOf(responsible)} is to blame`);
  }
  if (errorCode !== undefined && code !== errorCode) {
    problems.push(code === null ? 'there is no error code' : `the error code is ${formatHex(code)}`);
  }
  return problems;
}

/** Whether the entry that maps a page has A, or D, set. @internal */
export function judgeUsage(answer: AnyAnswer, bit: 'accessed' | 'dirty'): Verdict {
  const leaf = leafOf(answer.translation);
  const letter = bit === 'accessed' ? 'A' : 'D';
  const found =
    leaf === undefined
      ? 'no entry maps it'
      : `${letter} is ${hasBit(leaf, bit) ? 'set' : 'clear'} in the ${entryOf(leaf)}`;
  return judge(answer, leaf !== undefined && hasBit(leaf, bit), `to be ${bit}`, found);
}

function judge(answer: AnyAnswer, pass: boolean, expected: string, found: string): Verdict {
  return makeVerdict(pass, { subject: nameAnswer(answer), expected, found, shown: showAnswer(answer) });
}

/**
 * Expects that an access can be made.
 *
 * @example
 * ```ts
 * expectMapped(await guest.translate(text, { exec: true }), { rights: 'r-x-' });
 * ```
 * @throws ExpectationError `ERR_TESTING_EXPECTATION`, whose message is the walk
 * @public
 */
export function expectMapped(answer: AnyAnswer, expected: MappedExpectation = {}): void {
  requirePass(judgeMapped(answer, expected));
}

/**
 * Expects that an access faults, and why.
 *
 * @example
 * ```ts
 * expectFault(await guest.translate(stackGuard, { write: true }), { fault: 'NOT_PRESENT', at: 'PTE' });
 * ```
 * @throws ExpectationError `ERR_TESTING_EXPECTATION`, whose message is the walk
 * @public
 */
export function expectFault(answer: AnyAnswer, expected: FaultExpectation = {}): void {
  requirePass(judgeFault(answer, expected));
}

/** Expects A to be set in the entry that maps the page. @throws ExpectationError. @public */
export function expectAccessed(answer: AnyAnswer): void {
  requirePass(judgeUsage(answer, 'accessed'));
}

/** Expects D to be set in the entry that maps the page. @throws ExpectationError. @public */
export function expectDirty(answer: AnyAnswer): void {
  requirePass(judgeUsage(answer, 'dirty'));
}

/** @throws QemuOptionError `ERR_TESTING_OPTION` for a text that names no rights: a wrong use, whatever the guest has. @internal */
export function requireRights(wanted: RightsText): void {
  if (RIGHTS.test(wanted)) return;
  throw new QemuOptionError(
    `${JSON.stringify(wanted)} is no text of rights: r or -, w or -, x or -, u or -, as in "r-x-"`,
  );
}

/** @internal */
export function sameRights(rights: Rights, wanted: RightsText): boolean {
  return formatRights(rights) === wanted;
}

function nameOf(translation: FaultTranslation): string {
  return translate2ErrorOf(translation) ?? translation.cause;
}

function outcomeOf(translation: Translation): string {
  if (translation.kind === 'mapped') {
    return `it leads to ${formatHex(translation.physicalAddress)} (${formatRights(translation.rights)}, ${sizeOf(translation)})`;
  }
  const responsible = responsibleOf(translation);
  const code = translation.errorCode === null ? '' : `, error code ${formatHex(translation.errorCode)}`;
  return `it faults: ${nameOf(translation)}${responsible === undefined ? '' : ` at the ${entryOf(responsible)}`}${code}`;
}

function sizeOf({ pageSizeBytes }: Translation): string {
  return pageSizeBytes === null ? 'paging is off' : `a ${formatSize(pageSizeBytes)} page`;
}

/** The entry that maps the page; undefined where the walk ends before it. @internal */
export function leafOf({ steps }: Translation): WalkStep | undefined {
  const last = steps.at(-1);
  return last?.leaf === true ? last : undefined;
}

function responsibleOf(translation: FaultTranslation): WalkStep | undefined {
  const { responsible, steps } = translation;
  return responsible === null ? undefined : steps.find(({ address }) => address === responsible.address);
}

function hasBit({ value, usageBits }: WalkStep, name: 'accessed' | 'dirty'): boolean {
  return (value & usageBits[name]) !== 0n;
}

function entryOf({ table }: WalkStep): string {
  return ENTRIES[table];
}

function wordsOfMapped({ rights, physicalAddress, pageSizeBytes, accessed, dirty }: MappedExpectation): string {
  const usage = [
    ...(accessed === undefined ? [] : [accessed ? 'A set' : 'A clear']),
    ...(dirty === undefined ? [] : [dirty ? 'D set' : 'D clear']),
  ];
  const parts = [
    'to be mapped',
    ...(rights === undefined ? [] : [`as ${rights}`]),
    ...(physicalAddress === undefined ? [] : [`to ${formatHex(physicalAddress)}`]),
    ...(pageSizeBytes === undefined ? [] : [`by a ${formatSize(pageSizeBytes)} page`]),
    ...(usage.length === 0 ? [] : [`with ${usage.join(' and ')}`]),
  ];
  return parts.join(' ');
}

function wordsOfFault({ fault, at, errorCode }: FaultExpectation): string {
  const parts = [
    'to fault',
    ...(fault === undefined ? [] : [`with ${fault}`]),
    ...(at === undefined ? [] : [`at the ${ENTRIES[TABLES[at]]}`]),
    ...(errorCode === undefined ? [] : [`with error code ${formatHex(errorCode)}`]),
  ];
  return parts.join(' ');
}
