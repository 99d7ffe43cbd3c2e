import { parseArgs } from 'node:util';
import { UsageError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import type { OptionTable } from './option-row.ts';

/** What a command line says, before any value is understood. @internal */
export interface ParsedOptions {
  /** By name. */
  readonly values: ReadonlyMap<string, string>;
  /** The values of options that may be given more than once, in order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/**
 * Sorts the words of a command line by the command's table.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for an option that the table lacks, a value that is missing or not wanted, a
 * second value where one counts, and a negative number.
 * @internal
 */
export function parseOptions(words: readonly string[], table: OptionTable, command: string): ParsedOptions {
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  const flags = new Set<string>();
  const positionals: string[] = [];
  refuseNegativeNumbers(words, command);
  for (const token of tokenize(words, table)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    checkOption(token, table, command);
    if (token.value === undefined) flags.add(token.name);
    else if (table[token.name]?.repeats) lists.set(token.name, [...(lists.get(token.name) ?? []), token.value]);
    else setOnce(values, token, command);
  }
  return { values, lists, flags, positionals };
}

/**
 * For a command that takes options alone.
 *
 * @param hint - what may be meant instead
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function refusePositionals(
  { positionals }: Pick<ParsedOptions, 'positionals'>,
  command: string,
  hint = '',
): void {
  const [stray] = positionals;
  if (stray === undefined) return;
  throw new UsageError(`${command} takes no argument (got ${JSON.stringify(stray)})${hint}`, command);
}

/** Two values: which one counts would be a guess. */
function setOnce(values: Map<string, string>, { name, rawName, value = '' }: OptionToken, command: string): void {
  const before = values.get(name);
  if (before !== undefined) {
    const both = `${JSON.stringify(before)} and ${JSON.stringify(value)}`;
    throw new UsageError(`${rawName} takes one value (got ${both})`, command);
  }
  values.set(name, value);
}

/** Not strict: node's own complaints advise on things that are of no use here. */
function tokenize(words: readonly string[], table: OptionTable): readonly Token[] {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    tokens: true,
  });
  return tokens;
}

/** They look like options, and would be reported as unknown ones. */
function refuseNegativeNumbers(words: readonly string[], command: string): void {
  const negative = words.find((word) => /^-\d/.test(word));
  if (negative !== undefined) throw new UsageError(`${negative}: a number cannot be negative here`, command);
}

function checkOption(token: OptionToken, table: OptionTable, command: string): void {
  const { name, rawName, value, inlineValue } = token;
  const row = Object.hasOwn(table, name) ? table[name] : undefined;
  if (row === undefined) {
    const known = Object.keys(table).map((option) => `--${option}`);
    throw new UsageError(`unknown option ${rawName}${didYouMean(rawName, known)}`, command);
  }
  if (row.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value (got ${JSON.stringify(value)})`, command);
    return;
  }
  if (value === undefined || value === '')
    throw new UsageError(`${rawName} needs a value: ${rawName} ${row.value}`, command);
  // The next word was taken for the value, and is most likely the next option; a dash alone is standard input.
  if (inlineValue !== true && value.startsWith('-') && value !== '-') {
    throw new UsageError(
      `${rawName} needs a value: ${rawName} ${row.value} (${value} would be the next option; write ${rawName}=${value} if it is meant)`,
      command,
    );
  }
}
