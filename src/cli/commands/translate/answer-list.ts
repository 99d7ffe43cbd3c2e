import type { Assumption, GuestView, OpenGuest } from '../../../guest/index.ts';
import { InputFileError, UsageError } from '../../errors.ts';
import { AddressList, type NamedLine } from '../../io/address-list.ts';
import { HeldOutput } from '../../io/held-output.ts';
import type { AddressFile, AnswerFormat } from '../../options/address-options.ts';
import type { CliContext } from '../../options/command.ts';
import type { GuestOptions } from '../../options/guest-options.ts';
import type { ScopeOptions } from '../../options/scope-options.ts';
import { loadModules } from '../../session/names/load-modules.ts';
import { type NamedScope, type NameNeeds, nameScope } from '../../session/names/name-scope.ts';
import { resolveAddress } from '../../session/names/resolve-addresses.ts';
import { withView } from '../../session/with-guest.ts';
import { type Outcomes, Tally } from './tally.ts';

/** So many answers are held until the guest runs again: some 20 MB. */
const MAX_HELD = 20_000;
/** So many addresses are read before the guest is paused, so that it does not wait for a pipe: 8 MB. */
const MAX_AHEAD = 1_048_576;

/** Answers of some addresses, as they are printed. @internal */
export interface AnsweredTexts extends Outcomes {
  readonly texts: readonly string[];
}

/** Asks a guest for addresses, and puts the answers into the form that was asked for. @internal */
export type Asker = (
  view: GuestView,
  addresses: BigUint64Array,
  notes: readonly Assumption[],
) => Promise<AnsweredTexts>;

/** What a command asks about each address of a list. @internal */
export interface ListQuestion {
  readonly command: string;
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly format: AnswerFormat;
  /** Bits are set in guest memory: nothing is asked twice, and the guest stays paused. */
  readonly writes: boolean;
  /** Prepares the question, anew for each try: whatever it needs of the guest's Linux is read here, as the guest may run on. */
  readonly makeAsker: (named?: NamedScope) => Promise<Asker>;
  /** Reads all that answers rest on. @returns null when that is too much */
  readonly keep: (named: NamedScope, addresses: readonly BigUint64Array[]) => Promise<GuestView | null>;
  /** The names that it needs of the guest. */
  readonly needs: NameNeeds;
}

/**
 * Answers the addresses of a list, all in one pause, in bounded memory.
 *
 * @returns the exit status
 * @throws InputFileError `ERR_CLI_INPUT_FILE` for a line that is no address; UsageError for a list without any.
 * @internal
 */
export async function answerList(line: ListQuestion, from: AddressFile, context: CliContext): Promise<number> {
  // What is wrong with the question, or missing, is found before the list is read, which may take a while.
  await line.makeAsker();
  await line.guest.source.expectThere?.();
  const list = await AddressList.open(from.file, { ...from, takesNames: takesNames(line) }, context, line.command);
  const chunks = list.chunks();
  const ahead = await readAhead(chunks, context.signal);
  if (ahead.chunks.length === 0) {
    list.complainOfRest();
    throw new UsageError(`there is no address in ${list.name}`, line.command);
  }
  const output = new HeldOutput(context, MAX_HELD);
  const mayRepeat = (): boolean => !line.writes && !output.hasPrinted && ahead.isAll;
  let tally = new Tally();
  const answer = async (): Promise<void> => {
    await withView(
      line.guest,
      line.scope,
      context,
      async (view, attached) => {
        output.drop();
        tally = new Tally();
        const needs = { ...line.needs, needsLinux: line.needs.needsLinux || hasSymbols(list) };
        const named = await nameScope(view, attached, needs, context);
        // Of a guest that runs on nothing can be read any more: neither symbols of modules, nor what the asker needs.
        if (named.linux !== null) await loadModules(named.linux, context);
        const ask = await line.makeAsker(named);
        const resolve = chunkResolver(list, named, line);
        const known: BigUint64Array[] = [];
        for (const chunk of ahead.chunks) known.push(await resolve(chunk));
        const standing = ahead.isAll ? await keepAll(line, named, attached, known) : named.view;
        for await (const chunk of concatenate(known, chunks, context.signal, resolve)) {
          const answered = await ask(standing, chunk, attached.assumed);
          tally.add(answered);
          await output.add(answered.texts);
          if (output.isUnread) return;
        }
      },
      mayRepeat,
    );
  };
  try {
    await answer();
  } catch (error) {
    // What came before the line is answered. Nothing else that ends it leaves answers that can be relied on.
    if (error instanceof InputFileError) await output.flush();
    throw error;
  } finally {
    list.complainOfRest();
  }
  await output.flush();
  if (line.format === 'brief') await tally.explainMarks(context);
  return tally.status(line.guest.strict, list.junkLines === 0, context);
}

/**
 * A list that is all there: what its answers rest on is read, and the guest runs on while they are made and printed.
 *
 * @returns who answers
 */
async function keepAll(
  { writes, keep }: ListQuestion,
  named: NamedScope,
  attached: OpenGuest,
  addresses: readonly BigUint64Array[],
): Promise<GuestView> {
  if (writes) return named.view;
  const kept = await keep(named, addresses);
  if (kept === null) return named.view;
  await attached.running?.resume();
  return kept;
}

interface Ahead {
  readonly chunks: readonly BigUint64Array[];
  /** Nothing comes after these. */
  readonly isAll: boolean;
}

async function readAhead(chunks: AsyncGenerator<BigUint64Array>, signal: AbortSignal): Promise<Ahead> {
  const ahead: BigUint64Array[] = [];
  for (let count = 0; count < MAX_AHEAD; count += ahead.at(-1)?.length ?? 0) {
    const { value, done } = await orAbort(chunks.next(), signal);
    if (done) return { chunks: ahead, isAll: true };
    ahead.push(value);
  }
  return { chunks: ahead, isAll: false };
}

/** The sender of the list may never send the rest. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function* concatenate(
  first: readonly BigUint64Array[],
  then: AsyncGenerator<BigUint64Array>,
  signal: AbortSignal,
  resolve: (chunk: BigUint64Array) => Promise<BigUint64Array>,
): AsyncGenerator<BigUint64Array> {
  yield* first;
  for (;;) {
    const { value, done } = await orAbort(then.next(), signal);
    if (done) return;
    yield await resolve(value);
  }
}

/** Names in a list are asked for by what else asks the guest's Linux: a wrong line of a list of numbers is found before. */
function takesNames({ needs: { showsNames }, scope: { process, symbolsFile } }: ListQuestion): boolean {
  return showsNames || process !== undefined || symbolsFile !== undefined;
}

function hasSymbols({ names }: AddressList): boolean {
  for (const { written } of names.values()) if (written.kind === 'symbol' || written.kind === 'physical') return true;
  return false;
}

/** Puts numbers in the place of names, part after part of a list; those that the guest does not have are left out, or end it. */
function chunkResolver(
  list: AddressList,
  named: NamedScope,
  { guest: { cpu }, command }: ListQuestion,
): (chunk: BigUint64Array) => Promise<BigUint64Array> {
  let first = 0;
  return async (chunk) => {
    const start = first;
    first += chunk.length;
    if (list.names.size === 0) return chunk;
    const resolved: bigint[] = [];
    for (const [at, address] of chunk.entries()) {
      const line = list.names.get(start + at);
      const value = line === undefined ? address : await resolveLine(list, line, named, cpu, command);
      if (value !== undefined) resolved.push(value);
    }
    return BigUint64Array.from(resolved);
  };
}

async function resolveLine(
  list: AddressList,
  line: NamedLine,
  named: NamedScope,
  cpu: number,
  command: string,
): Promise<bigint | undefined> {
  const needsLinux = line.written.kind === 'symbol' || line.written.kind === 'physical';
  if (needsLinux && named.linux === null) {
    return list.refuseName(line, `a name that comes after ${MAX_AHEAD} addresses without any: put names first`);
  }
  try {
    return await resolveAddress(line.written, named, cpu, command);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return list.refuseName(line, error.message, error);
  }
}
