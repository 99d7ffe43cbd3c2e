import type { GuestTranslation, GuestView, MemoryMap, TranslateScope, TranslationTable } from '../../../guest/index.ts';
import type { Unneeded } from '../../../guest/internal.ts';
import type { Linux, SymbolPlace } from '../../../linux/index.ts';
import type { BriefAnswer, ReportedAddressSpace, ReportedTranslation } from '../../../report/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import type { WrittenAddress } from '../../options/written-address.ts';
import { loadModules } from '../../session/names/load-modules.ts';
import {
  type NamedScope,
  type NameNeeds,
  nameScope,
  needsNames,
  rehearseScope,
} from '../../session/names/name-scope.ts';
import { resolveAddress } from '../../session/names/resolve-addresses.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { withView } from '../../session/with-guest.ts';
import type { Asker } from './answer-list.ts';
import type { TranslateCommandLine } from './parse-translate.ts';
import { Tally } from './tally.ts';
import { translateBoth } from './translate-both.ts';

const UPPER_HALF = 1n << 63n;

/** A command line, and whose it is. @internal */
export interface TranslateAddresses extends TranslateCommandLine {
  readonly command: string;
}

/** What is known of the guest when questions are put to it: a scope without names, and the Linux in it, where it was looked at. */
type Known = Pick<NamedScope, 'scope' | 'linux' | 'areas'>;

/**
 * Prepares questions: nothing is connected, and of a Linux that is known is read here what answers need beside it.
 *
 * @param known - nothing but the command line unless given
 * @throws UsageError `ERR_CLI_USAGE` for a what-if that makes no sense.
 * @internal
 */
export async function makeAsker(
  line: TranslateAddresses,
  context: CliContext,
  known: Known = { scope: line.scope, linux: null, areas: null },
): Promise<Asker> {
  const translated = await toTranslateScope(known.scope, line.guest.cpu, line.command);
  const asked = { ...line, scope: known.scope };
  return line.format === 'brief'
    ? briefAsker(asked, translated, known, context)
    : fullAsker(asked, translated, known, context);
}

/** What names a scope and addresses need: those of a process belong to the half that is in use at the access. @internal */
export function needsOf({ guest, scope, command, access, addresses, names }: TranslateAddresses): NameNeeds {
  return {
    guest,
    scope,
    command,
    half: access.user ? 'user' : 'kernel',
    needsLinux: addresses.some(isName),
    showsNames: names,
  };
}

function isName({ kind }: WrittenAddress): boolean {
  return kind === 'symbol' || kind === 'physical';
}

/** Symbols of modules are read once an address may lie in one, while the guest can be read. */
async function symbolsOf(
  linux: Linux | null,
  addresses: BigUint64Array,
  context: Pick<CliContext, 'complain'>,
): Promise<(address: bigint) => SymbolPlace | null> {
  if (linux === null) return () => null;
  const mayBeOfModule = (address: bigint): boolean =>
    linux.nearestKnown(address) === null && linux.tables().some(({ lowest }) => lowest > 0n && address >= lowest);
  if (addresses.some(mayBeOfModule)) await loadModules(linux, context);
  return (address) => linux.nearestKnown(address);
}

type LinuxEntryFields = Pick<ReportedTranslation, 'linuxEntry'>;

/** What Linux means by the entry that a walk ended at, where memory is as it was. */
type EntryDecoder = (answer: GuestTranslation, map: MemoryMap) => LinuxEntryFields;

/** By the kernel's own tables, which are read here and now: when the answers are made the guest may run on. */
async function entriesOf(linux: Linux | null): Promise<EntryDecoder> {
  // A kernel that is not known has no entries that are.
  if (linux === null || linux.names.textFirst === 0n) return () => ({});
  const { decodeEntry } = await import('../../../linux/internal.ts');
  const rules = await linux.entryRules();
  const kernelFirst = await linux.kernelFirst();
  if (kernelFirst === null) return () => ({});
  return ({ translation }, map) => {
    const step = translation.steps.at(-1);
    if (step === undefined || (translation.kind === 'fault' && translation.cause !== 'not-present')) return {};
    const isUserAddress = translation.untaggedAddress < kernelFirst;
    const isMemory = (address: bigint): boolean => map.regionAt(address).kind === 'ram';
    return { linuxEntry: decodeEntry({ ...step, isUserAddress }, rules, isMemory) };
  };
}

async function fullAsker(
  line: TranslateAddresses,
  scope: TranslateScope,
  { linux, areas }: Known,
  context: CliContext,
): Promise<Asker> {
  const { encodeTranslation, formatTranslation } = await import('../../../report/index.ts');
  const entryOf = await entriesOf(linux);
  const style = chooseStyle(context);
  let isFirst = true;
  const show = (answer: ReportedTranslation, space: ReportedAddressSpace): string => {
    if (line.format === 'json') return `${encodeTranslation(answer)}\n`;
    // An empty line is between two trees, and none at the end.
    const separator = isFirst ? '' : '\n';
    isFirst = false;
    return `${separator}${formatTranslation(answer, space, style)}`;
  };
  return async (view, addresses, notes) => {
    const answers = await translateBoth(view, Array.from(addresses), line, scope);
    const space = reportedSpace(await view.scopedState(scope), line.scope);
    const placeOf = await symbolsOf(linux, addresses, context);
    const map = await view.memoryMap(line.guest.cpu);
    const named = (each: GuestTranslation): ReportedTranslation => ({
      ...each,
      assumed: [...each.assumed, ...notes],
      ...(linux === null ? {} : { place: placeOf(each.request.linearAddress) }),
      ...entryOf(each, map),
      ...(areas === null ? {} : { areas: areas.over(each.request.linearAddress, each.request.linearAddress) }),
      ...(line.scope.owner === undefined ? {} : { owner: line.scope.owner }),
    });
    return {
      texts: answers.map((each) => show(named(each), space)),
      faults: answers.filter(({ translation }) => translation.kind !== 'mapped').length,
      assumed: answers.flatMap(({ assumed }) => assumed),
      deviating: null,
      tablesInRom: [],
    };
  };
}

async function briefAsker(
  line: TranslateAddresses,
  scope: TranslateScope,
  { linux, areas }: Known,
  context: CliContext,
): Promise<Asker> {
  const { formatBrief } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  return async (view, addresses) => {
    const table = await view.translateMany(addresses, line.access, { ...scope, compareMachine: true });
    const placeOf = await symbolsOf(linux, addresses, context);
    const show = (address: bigint, at: number): string =>
      formatBrief(address, briefAnswer(table, at), table.context.mode, style, {
        place: placeOf(address),
        areas: areas?.over(address, address),
      });
    return {
      texts: Array.from(addresses, show),
      faults: table.length - table.countMapped(),
      assumed: table.assumed(),
      deviating: table.countDeviations() === 0 ? null : table.machine,
      tablesInRom: table.tablesInRom,
    };
  };
}

/** The first address of each page that a buffer has a part in. */
function pagesOf(addresses: readonly bigint[], lengthBytes: bigint | undefined): BigUint64Array {
  if (lengthBytes === undefined) return BigUint64Array.from(addresses);
  return BigUint64Array.from(
    addresses.flatMap((first) => {
      const pages = [first];
      for (let next = (first | 0xfffn) + 1n; next < first + lengthBytes; next += 0x1000n) pages.push(next);
      return pages.map((page) => BigInt.asUintN(64, page));
    }),
  );
}

function briefAnswer(table: TranslationTable, at: number): BriefAnswer {
  const physicalAddress = table.physicalAddress(at);
  const rights = table.rights(at);
  const cause = table.cause(at);
  const doubts = { assumed: table.assumed(at), deviates: table.deviates(at) === true };
  if (physicalAddress !== null && rights !== null) {
    const l1PhysicalAddress = table.l1PhysicalAddress(at);
    return {
      ...doubts,
      kind: 'mapped',
      physicalAddress,
      pageSizeBytes: table.pageSizeBytes(at),
      rights,
      ...(l1PhysicalAddress === null ? {} : { l1PhysicalAddress }),
    };
  }
  if (cause === null) throw new RangeError(`a translation neither succeeded nor failed: ${at}`);
  const responsibleAddress = table.responsibleAddress(at);
  const refused = table.refusedPageAddress(at);
  return {
    ...doubts,
    kind: 'fault',
    cause,
    errorCode: table.errorCode(at),
    responsibleAddress,
    ...(refused === null ? {} : { refusedPageAddress: refused }),
  };
}

/** Addresses of the upper half lead to pages of the kernel, for which PKRU decides nothing. */
function unneededFor(line: TranslateAddresses): Unneeded {
  const isUpper = (address: WrittenAddress): boolean => address.kind === 'number' && address.value >= UPPER_HALF;
  return {
    hostMemory: line.format !== 'brief' && !needsNames(needsOf(line)),
    deviceState: line.addresses.every(isUpper),
  };
}

/** Answers the addresses of a command line, all in one pause; printed when the guest runs again. @internal */
export async function answerAddresses(line: TranslateAddresses, context: CliContext): Promise<number> {
  const { guest, scope, flags } = line;
  // What is wrong with the question is found before anything is connected.
  await makeAsker(line, context);
  const [first] = line.addresses;
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    await rehearseScope(view, needsOf(line), context);
    const ask = await makeAsker(line, context);
    return ask(view, BigUint64Array.of(first?.kind === 'number' ? first.value : 0n), []);
  };
  const answered = await withView(
    guest,
    { ...scope, rehearsal, unneeded: unneededFor(line) },
    context,
    async (view, attached) => {
      const named = await nameScope(view, attached, needsOf(line), context);
      const addresses: bigint[] = [];
      for (const written of line.addresses) {
        addresses.push(await resolveAddress(written, named, guest.cpu, line.command));
      }
      // Made anew for each try: it counts what it has shown.
      const ask = await makeAsker(line, context, named);
      return ask(named.view, pagesOf(addresses, line.lengthBytes), attached.assumed);
    },
    () => !flags.setAccessed,
  );
  await context.print(answered.texts.join(''));
  const tally = new Tally();
  tally.add(answered);
  if (line.format === 'brief') await tally.explainMarks(context);
  return tally.status(guest.strict, true, context);
}
