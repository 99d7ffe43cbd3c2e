import type { GuestTranslation, TranslateScope, TranslationTable } from '../../../guest/index.ts';
import type { BriefAnswer, ReportedAddressSpace } from '../../../report/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { resolveAddresses } from '../../session/names/resolve-addresses.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { withView } from '../../session/with-guest.ts';
import type { Asker } from './answer-list.ts';
import type { TranslateCommandLine } from './parse-translate.ts';
import { Tally } from './tally.ts';
import { translateBoth } from './translate-both.ts';

/** A command line, and whose it is. @internal */
export interface TranslateAddresses extends TranslateCommandLine {
  readonly command: string;
}

/**
 * Prepares questions: nothing is connected.
 *
 * @throws UsageError `ERR_CLI_USAGE` for a what-if that makes no sense.
 * @internal
 */
export async function makeAsker(line: TranslateAddresses, context: CliContext): Promise<Asker> {
  const scope = await toTranslateScope(line.scope, line.guest.cpu, line.command);
  return line.format === 'brief' ? briefAsker(line, scope, context) : fullAsker(line, scope, context);
}

async function fullAsker(line: TranslateAddresses, scope: TranslateScope, context: CliContext): Promise<Asker> {
  const { encodeTranslation, formatTranslation } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  let isFirst = true;
  const show = (answer: GuestTranslation, space: ReportedAddressSpace): string => {
    if (line.format === 'json') return `${encodeTranslation(answer)}\n`;
    // An empty line is between two trees, and none at the end.
    const separator = isFirst ? '' : '\n';
    isFirst = false;
    return `${separator}${formatTranslation(answer, space, style)}`;
  };
  return async (view, addresses, notes) => {
    const answers = await translateBoth(view, Array.from(addresses), line, scope);
    const space = reportedSpace(await view.scopedState(scope), line.scope);
    return {
      texts: answers.map((each) => show({ ...each, assumed: [...each.assumed, ...notes] }, space)),
      faults: answers.filter(({ translation }) => translation.kind !== 'mapped').length,
      assumed: answers.flatMap(({ assumed }) => assumed),
      deviating: null,
      tablesInRom: [],
    };
  };
}

async function briefAsker(line: TranslateAddresses, scope: TranslateScope, context: CliContext): Promise<Asker> {
  const { formatBrief } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  return async (view, addresses) => {
    const table = await view.translateMany(addresses, line.access, { ...scope, compareMachine: true });
    return {
      texts: Array.from(addresses, (address, at) => formatBrief(address, briefAnswer(table, at), style)),
      faults: table.length - table.countMapped(),
      assumed: table.assumed(),
      deviating: table.countDeviations() === 0 ? null : table.machine,
      tablesInRom: table.tablesInRom,
    };
  };
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

function scopeOf({ guest: { cpu }, scope: { live } }: TranslateAddresses): {
  readonly cpu: number;
  readonly live: boolean;
} {
  return { cpu, live };
}

/** Answers the addresses of a command line, all in one pause; printed when the guest runs again. @internal */
export async function answerAddresses(line: TranslateAddresses, context: CliContext): Promise<number> {
  const { guest, scope, flags } = line;
  // What is wrong with the question is found before anything is connected.
  await makeAsker(line, context);
  const answered = await withView(
    guest,
    scope,
    context,
    async (view, attached) => {
      // Made anew for each try: it counts what it has shown.
      const ask = await makeAsker(line, context);
      const resolved = await resolveAddresses(line.addresses, view, attached, scopeOf(line), context, line.command);
      return ask(resolved.view, resolved.addresses, attached.assumed);
    },
    () => !flags.setAccessed,
  );
  await context.print(answered.texts.join(''));
  const tally = new Tally();
  tally.add(answered);
  if (line.format === 'brief') await tally.explainMarks(context);
  return tally.status(guest.strict, true, context);
}
