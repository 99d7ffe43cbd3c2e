import { inputVtlOf, namedInputVtl } from '../../../abi/index.ts';
import type { OptionTable } from '../../options/option-row.ts';
import { SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { type ParsedOptions, parseOptions } from '../../options/parse-options.ts';

/** `HV_INPUT_VTL` has four bits for a VTL. @internal */
export const MOST_VTL = 15;

/** Which VTL is asked about, and what is known of it. @internal */
export interface VtlQuestion {
  readonly vtl: number;
  /** The command line or the control flags speak of VTLs. */
  readonly isNamed: boolean;
  /** Its registers were not given: those count that the vCPU has now. */
  readonly isAssumed: boolean;
}

/** A register context by name: the words that follow `--vtl N`. */
interface VtlSection {
  readonly vtl: number;
  readonly words: readonly string[];
}

/** Cuts a command line where a VTL is named. What comes before the first is for all. */
function sectionsOf(words: readonly string[], command: string): { common: readonly string[]; sections: VtlSection[] } {
  const common: string[] = [];
  const sections: { vtl: number; words: string[] }[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const value = word.startsWith('--vtl=') ? word.slice('--vtl='.length) : word === '--vtl' ? words[++at] : undefined;
    if (value === undefined) (sections.at(-1)?.words ?? common).push(word);
    else sections.push({ vtl: parseCount(value, '--vtl', { least: 0, most: MOST_VTL }, command), words: [] });
  }
  return { common, sections };
}

/**
 * The VTL that a command line asks about, and the options as that VTL has them: `--set` and `--cr3` belong to the VTL that was
 * named last before them, or to all VTLs where none was. All other options may be anywhere.
 *
 * @param words - the whole command line, which was parsed before
 * @throws {@link UsageError} `ERR_CLI_USAGE`; AbiError `ERR_ABI_ACCESS_DENIED` for a VTL above the caller's.
 * @internal
 */
export function parseVtls(
  words: readonly string[],
  options: ParsedOptions,
  table: OptionTable,
  controlFlags: bigint,
  command: string,
): { readonly question: VtlQuestion; readonly options: ParsedOptions } {
  const { common, sections } = sectionsOf(words, command);
  const named = namedInputVtl(controlFlags);
  const highest = Math.max(0, named ?? 0, ...sections.map(({ vtl }) => vtl));
  const vtl = inputVtlOf(controlFlags, callerOf(options, command) ?? highest);
  const own = sections.filter((section) => section.vtl === vtl);
  const once: OptionTable = { ...table, cr3: SCOPE_OPTIONS.cr3 };
  const parts = [common, own.flatMap((section) => section.words)].map((part) => parseOptions(part, once, command));
  const cr3 = parts.flatMap(({ values }) => values.get('cr3') ?? []).at(-1);
  return {
    question: {
      vtl,
      isNamed: named !== null || sections.length > 0 || options.values.has('caller-vtl'),
      isAssumed: own.length === 0 && (vtl > 0 || sections.length > 0),
    },
    options: {
      ...options,
      values: cr3 === undefined ? options.values : new Map([...options.values, ['cr3', cr3]]),
      lists: new Map([...options.lists, ['set', parts.flatMap(({ lists }) => lists.get('set') ?? [])]]),
    },
  };
}

function callerOf({ values }: ParsedOptions, command: string): number | undefined {
  const text = values.get('caller-vtl');
  return text === undefined ? undefined : parseCount(text, '--caller-vtl', { least: 0, most: MOST_VTL }, command);
}

/** @throws {@link UsageError} `ERR_CLI_USAGE`. @internal */
export function parseVtl(text: string, what: string, command: string): number {
  return parseCount(text, what, { least: 0, most: MOST_VTL }, command);
}
