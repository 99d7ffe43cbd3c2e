import type { OpenGuest } from '../../../guest/index.ts';
import { UsageError } from '../../errors.ts';
import type { OptionTable } from '../option-row.ts';
import type { ParsedOptions } from '../parse-options.ts';
import type { CommandLineSource, NamedGuest } from './named-guest.ts';

/** The options that name a dump. @internal */
export const DUMP_OPTIONS = {
  dump: {
    value: 'FILE',
    help: 'a dump instead of a running guest: ELF core, kdump-compressed, LiME, raw memory; only read',
  },
  registers: {
    value: 'FILE',
    help: 'with --dump: registers from a saved info registers -a, or pagewalk state --json',
  },
} as const satisfies OptionTable;

/** What is about a guest that runs, and would have no effect. */
const OF_RUNNING_GUESTS = ['trace', 'timeout', 'max-pause', 'no-host-memory', 'until', 'within'] as const;

/** A dump by its file. @internal */
export class NamedDump implements NamedGuest {
  readonly file: string;
  readonly registersFile: string | undefined;
  readonly whyNotLive = '--live asks a guest that runs, and --dump names a file';
  readonly whyNotWritable = 'a dump is only read: no accessed or dirty bit is set in it';

  constructor({ file, registersFile }: Pick<NamedDump, 'file' | 'registersFile'>) {
    this.file = file;
    this.registersFile = registersFile;
  }

  async open(): Promise<OpenGuest> {
    const { openDump } = await import('../../../dump/index.ts');
    const { file, registersFile } = this;
    return openDump(file, registersFile === undefined ? {} : { registersFile });
  }
}

/** @throws {@link UsageError} `ERR_CLI_USAGE` for options that a dump has no use for. @internal */
export function refuseRunningOptions({ values, flags }: ParsedOptions, command: string): void {
  const useless = OF_RUNNING_GUESTS.find((name) => values.has(name) || flags.has(name));
  if (useless !== undefined) {
    throw new UsageError(`--${useless} is about a guest that runs, and --dump names a file`, command);
  }
}

/** @internal */
export const DUMP_SOURCE: CommandLineSource = {
  options: DUMP_OPTIONS,
  usage: '--dump FILE',
  parse(parsed, _environment, command) {
    const { values } = parsed;
    const file = values.get('dump');
    const registersFile = values.get('registers');
    if (file === undefined) {
      if (registersFile === undefined) return undefined;
      throw new UsageError('--registers needs --dump: a guest that runs has its own registers', command);
    }
    refuseRunningOptions(parsed, command);
    return new NamedDump({ file, registersFile });
  },
};
