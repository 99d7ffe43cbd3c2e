import type { CommandEntry } from '../options/command.ts';
import type { OptionRow } from '../options/option-row.ts';

/** What may stand behind an option: nothing, a path, an endpoint, one of some words, or what only the user knows. @internal */
export type Completes = 'nothing' | 'path' | 'endpoint' | 'anything' | readonly string[];

/** An option as a shell needs it. @internal */
export interface CompletedOption {
  /** With its dashes. */
  readonly name: string;
  /** Name of the value in the help; empty without one. */
  readonly value: string;
  readonly completes: Completes;
  /** In one line. */
  readonly help: string;
  readonly repeats: boolean;
}

/** A command as a shell needs it. @internal */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Whether files may be given besides options. */
  readonly takesPaths: boolean;
}

/** What every endpoint but a plain path begins with. @internal */
export const ENDPOINT_SCHEMES: readonly string[] = ['unix:', 'tcp:', 'libvirt:', 'tls:', 'exec:'];

/** All commands, from their own tables: a shell completes what the help shows. @internal */
export async function describeCommands(entries: readonly CommandEntry[]): Promise<readonly CompletedCommand[]> {
  return Promise.all(
    entries.map(async ({ name, summary, load }) => {
      const { options, synopsis } = await load();
      const rows = Object.entries<OptionRow>(options).map(([option, row]) => describeOption(option, row));
      return { name, summary, options: rows, takesPaths: /\.json\b/.test(synopsis) };
    }),
  );
}

function describeOption(name: string, { value = '', help, repeats, words }: OptionRow): CompletedOption {
  return {
    name: `--${name}`,
    value,
    completes: words ?? kindOf(value),
    help: help.replaceAll('\n', ' '),
    repeats: repeats === true,
  };
}

function kindOf(value: string): Completes {
  if (value === '') return 'nothing';
  if (value === 'FILE') return 'path';
  return value === 'ENDPOINT' ? 'endpoint' : 'anything';
}
