import type { Linux } from '../../../linux/index.ts';
import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { symbolsOption } from '../../options/scope-options.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import { parseWrittenAddress, type WrittenAddress } from '../../options/written-address.ts';
import { lookAtLinux } from '../../session/names/look-at-linux.ts';
import { resolveAddress } from '../../session/names/resolve-addresses.ts';
import { withView } from '../../session/with-guest.ts';
import { isGlob, matchesGlob } from './glob.ts';

const NAME = 'symbols';
/** So many lines are printed at once. */
const WINDOW = 8192;

const OPTIONS = {
  ...SOURCE_OPTIONS,
  cpu: GUEST_OPTIONS.cpu,
  live: SCOPE_OPTIONS.live,
  symbols: SCOPE_OPTIONS.symbols,
  json: GUEST_OPTIONS.json,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

/** What a `symbols` command line asks for. @internal */
export interface SymbolsCommandLine {
  readonly guest: GuestOptions;
  /** Names with wildcards, or an address; everything where there is neither. */
  readonly pattern: string | undefined;
  readonly address: WrittenAddress | undefined;
  readonly live: boolean;
  readonly hostMemory: boolean;
  readonly symbolsFile?: string;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseSymbols(words: readonly string[], environment: CliContext['environment']): SymbolsCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const [text, stray] = options.positionals;
  if (stray !== undefined)
    throw new UsageError(`one pattern or address at a time; ${JSON.stringify(stray)} is another`, NAME);
  const guest = parseGuestOptions(options, environment, NAME);
  const live = options.flags.has('live');
  if (live && guest.source.whyNotLive !== null) throw new UsageError(guest.source.whyNotLive, NAME);
  const isPattern = text === undefined || isGlob(text);
  return {
    guest,
    pattern: isPattern ? text : undefined,
    address: isPattern ? undefined : parseWrittenAddress(text, NAME),
    live,
    hostMemory: !options.flags.has('no-host-memory'),
    json: options.flags.has('json'),
    ...symbolsOption(options.values),
  };
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseSymbols(words, context.environment);
  const { address, live, guest } = line;
  const scope = { cpu: guest.cpu, live, symbolsFile: line.symbolsFile };
  if (address === undefined) {
    const { linux } = await withView(guest, line, context, async (view, attached) => {
      const looked = await lookAtLinux(view, attached, scope, context);
      if (line.symbolsFile === undefined) await looked.linux.loadModules();
      return looked;
    });
    return printAll(linux, line, context);
  }
  const found = await withView(guest, line, context, async (view, attached) => {
    const looked = await lookAtLinux(view, attached, scope, context);
    const value = await resolveAddress(address, looked, guest.cpu, NAME);
    return { value, place: await looked.linux.nearest(value), linux: looked.linux };
  });
  complainOfMissing(found.linux, context);
  const { encodeSymbolPlace, formatSymbolPlace } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  const text = line.json
    ? encodeSymbolPlace(found.value, found.place)
    : formatSymbolPlace(found.value, found.place, style);
  await context.print(`${text}\n`);
  return found.place === null ? 1 : 0;
}

async function printAll(linux: Linux, { pattern, json }: SymbolsCommandLine, context: CliContext): Promise<number> {
  const { encodeSymbol, formatSymbol } = await import('../../../report/index.ts');
  complainOfMissing(linux, context);
  let count = 0;
  let lines: string[] = [];
  const { names } = linux;
  for (const table of linux.tables()) {
    const digits = 2 * names.wordBytes;
    for (let index = 0; index < table.length; index += 1) {
      if (pattern !== undefined && !matchesGlob(table.nameAt(index), pattern)) continue;
      const symbol = table.at(index);
      lines.push(json ? encodeSymbol(symbol) : formatSymbol(symbol, digits));
      count += 1;
      if (lines.length < WINDOW) continue;
      await context.print(`${lines.join('\n')}\n`);
      lines = [];
      context.signal.throwIfAborted();
      if (context.unread?.aborted) return 0;
    }
  }
  if (lines.length > 0) await context.print(`${lines.join('\n')}\n`);
  if (count === 0 && pattern !== undefined)
    context.complain(`pagewalk: no symbol is called ${JSON.stringify(pattern)}`);
  return count === 0 ? 1 : 0;
}

function complainOfMissing(linux: Linux, { complain }: CliContext): void {
  for (const sentence of linux.missing) complain(`pagewalk: ${sentence}`);
}

/** @internal */
export const symbolsCommand: Command = {
  name: NAME,
  synopsis: '[PATTERN | ADDRESS] --qmp ENDPOINT [OPTION...]',
  description:
    'Lists the symbols of the Linux in a guest as its /proc/kallsyms does, those of modules too: all, or those whose names\n' +
    'match PATTERN (do_*: * is any characters, ? is one). For an ADDRESS, in any form that translate takes, the symbol that\n' +
    "it lies in: do_exit+0x10/0xb30. All is found in guest memory: neither the kernel's file nor debug information is\n" +
    "needed, and KASLR does not matter. The guest is paused while memory is read; names are kept in the user's cache folder.\n" +
    'The exit status is 1 if there is no such symbol.',
  options: OPTIONS,
  run,
};
