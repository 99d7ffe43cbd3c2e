import type { Linux } from '../../../linux/index.ts';
import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { LINUX_OPTIONS, type LinuxOptions, parseLinuxOptions } from '../../options/linux-options.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { parseWrittenAddress, type WrittenAddress } from '../../options/written-address.ts';
import { askLinux } from '../../session/ask-linux.ts';
import { resolveAddress } from '../../session/names/resolve-addresses.ts';
import { isGlob, matchesGlob } from './glob.ts';

const NAME = 'symbols';
/** So many lines are printed at once. */
const WINDOW = 8192;

/** What a `symbols` command line asks for. @internal */
export interface SymbolsCommandLine extends LinuxOptions {
  /** Names with wildcards, or an address; everything where there is neither. */
  readonly pattern: string | undefined;
  readonly address: WrittenAddress | undefined;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseSymbols(words: readonly string[], environment: CliContext['environment']): SymbolsCommandLine {
  const options = parseOptions(words, LINUX_OPTIONS, NAME);
  const [text, stray] = options.positionals;
  if (stray !== undefined)
    throw new UsageError(`one pattern or address at a time; ${JSON.stringify(stray)} is another`, NAME);
  const isPattern = text === undefined || isGlob(text);
  return {
    ...parseLinuxOptions(options, environment, NAME),
    pattern: isPattern ? text : undefined,
    address: isPattern ? undefined : parseWrittenAddress(text, NAME),
  };
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseSymbols(words, context.environment);
  const { address, guest } = line;
  if (address === undefined) {
    const linux = await askLinux(line, context, async (looked) => {
      if (line.symbolsFile === undefined) await looked.linux.loadModules();
      return looked.linux;
    });
    return printAll(linux, line, context);
  }
  const found = await askLinux(line, context, async (looked) => {
    const value = await resolveAddress(address, looked, guest.cpu, NAME);
    return { value, place: await looked.linux.nearest(value), linux: looked.linux };
  });
  complainOfMissing(found.linux, context);
  const { encodeSymbolPlace, formatSymbolPlace } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  const text = line.json
    ? encodeSymbolPlace(found.value, found.place)
    : formatSymbolPlace(found.value, found.place, 2 * found.linux.names.wordBytes, style);
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
  options: LINUX_OPTIONS,
  run,
};
