import { HV_CONTROL } from '../../../abi/index.ts';
import type { GuestView, MemoryTypeMsrs, Sourced } from '../../../guest/index.ts';
import type { ReportedHvTranslation } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import {
  type NamedScope,
  type NameNeeds,
  nameScope,
  needsNames,
  rehearseScope,
} from '../../session/names/name-scope.ts';
import { resolveAddress } from '../../session/names/resolve-addresses.ts';
import { withView } from '../../session/with-guest.ts';
import type { Asker } from '../translate/answer-list.ts';
import { type Outcomes, Tally } from '../translate/tally.ts';
import { type Asked, askHvTranslate, keptForHvTranslate, prepareHvTranslate } from './ask-hv-translate.ts';
import type { HvTranslateCommandLine } from './parse-hv-translate.ts';

/** Answers as they are printed, one after the other. */
type Format = (answer: ReportedHvTranslation) => string;

/**
 * Puts the hypercall's question to a guest, all of it in one pause, and prints the answers when the guest runs again.
 *
 * @returns the exit status
 * @throws {@link UsageError} `ERR_CLI_USAGE`, also for what only the vCPU's registers can tell to be wrong; as `withView`.
 * @internal
 */
export async function answerHvTranslate(line: HvTranslateCommandLine, context: CliContext): Promise<number> {
  const writes = (line.controlFlags & HV_CONTROL.setPageTableBits) !== 0n;
  const prepared = await prepareHvTranslate(line);
  const { from } = line;
  if (from === undefined) return named(line, () => answerAddresses(line, prepared, context, writes));
  // Of a list, PAT and MTRRs are read before the guest runs again.
  let types: Sourced<MemoryTypeMsrs> | undefined;
  const question = {
    ...line,
    writes,
    needs: needsOf(line),
    makeAsker: async (named?: NamedScope): Promise<Asker> => {
      types = undefined;
      const asked = named === undefined ? line : { ...line, scope: named.scope };
      const ready = named === undefined ? prepared : await prepareHvTranslate(asked);
      const format = await makeFormat(line, context);
      return async (view, addresses, notes) => {
        types ??= await view.memoryTypes(line.guest.cpu);
        const answers = await askHvTranslate(asked, ready, view, Array.from(addresses), types, notes);
        return { texts: answers.map(format), ...outcomesOf(answers) };
      };
    },
    keep: async ({ view, scope }: NamedScope, addresses: readonly BigUint64Array[]) => {
      types = await view.memoryTypes(line.guest.cpu);
      return keptForHvTranslate(await prepareHvTranslate({ ...line, scope }), view, addresses);
    },
  };
  const { answerList } = await import('../translate/answer-list.ts');
  return answerList(question, from, context);
}

/** The tables of a process are those that its kernel uses, unless an access from user mode alone is asked about. */
function needsOf(line: HvTranslateCommandLine): NameNeeds {
  const isUser =
    (line.controlFlags & HV_CONTROL.userAccess) !== 0n && (line.controlFlags & HV_CONTROL.supervisorAccess) === 0n;
  const needsLinux = line.addresses.some(({ kind }) => kind === 'symbol' || kind === 'physical');
  return { ...line, half: isUser ? 'user' : 'kernel', needsLinux, showsNames: false };
}

async function answerAddresses(
  line: HvTranslateCommandLine,
  prepared: Awaited<ReturnType<typeof prepareHvTranslate>>,
  context: CliContext,
  writes: boolean,
): Promise<number> {
  const [first] = line.addresses;
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    await rehearseScope(view, needsOf(line), context);
    const types = await view.memoryTypes(line.guest.cpu);
    return askHvTranslate(line, prepared, view, [first?.kind === 'number' ? first.value : 0n], types, []);
  };
  const answers = await withView(
    line.guest,
    { ...line.scope, rehearsal, unneeded: { hostMemory: !needsNames(needsOf(line)) } },
    context,
    async (view, guest) => {
      const named = await nameScope(view, guest, needsOf(line), context);
      const addresses: bigint[] = [];
      for (const written of line.addresses)
        addresses.push(await resolveAddress(written, named, line.guest.cpu, line.command));
      const asked = { ...line, scope: named.scope };
      const types = await named.view.memoryTypes(line.guest.cpu);
      return askHvTranslate(asked, await prepareHvTranslate(asked), named.view, addresses, types, guest.assumed);
    },
    () => !writes,
  );
  const format = await makeFormat(line, context);
  await context.print(answers.map(format).join(''));
  const tally = new Tally();
  tally.add(outcomesOf(answers));
  if (line.format === 'brief') await tally.explainMarks(context);
  return tally.status(line.guest.strict, true, context);
}

function outcomesOf(answers: readonly Asked[]): Outcomes {
  return {
    faults: answers.filter(({ answer }) => answer.name !== 'Success').length,
    assumed: answers.flatMap(({ assumed }) => assumed),
    // A tree and JSON say so themselves.
    deviating: answers.find(({ walk }) => (walk?.deviation ?? null) !== null)?.machine ?? null,
    tablesInRom: answers.flatMap(({ walk }) => (walk?.inRom ?? []).map(({ region }) => region.name)),
  };
}

/** A VP that an input names and the guest does not have is the input's fault. */
async function named<T>({ isVpFromInput, command }: HvTranslateCommandLine, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isVpFromInput || (error as { code?: unknown }).code !== 'ERR_GUEST_CPU') throw error;
    const message = `HV_STATUS_INVALID_VP_INDEX: ${(error as Error).message}; --cpu N takes another for VpIndex of --input`;
    throw new UsageError(message, command, { cause: error });
  }
}

async function makeFormat({ format }: HvTranslateCommandLine, context: CliContext): Promise<Format> {
  const { encodeHvTranslation, formatHvBrief, formatHvTranslation } = await import('../../../report/index.ts');
  if (format === 'json') return (answer) => `${encodeHvTranslation(answer)}\n`;
  const style = chooseStyle(context);
  if (format === 'brief') return (answer) => formatHvBrief(answer, style);
  let isFirst = true;
  return (answer) => {
    // An empty line is between two trees, and none at the end.
    const separator = isFirst ? '' : '\n';
    isFirst = false;
    return `${separator}${formatHvTranslation(answer, style)}`;
  };
}
