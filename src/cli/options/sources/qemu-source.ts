import {
  type EndpointError,
  expectSocketFile,
  formatEndpoint,
  parseEndpoint,
} from '../../../../protocols/transport/internal.ts';
import type { OpenGuest } from '../../../guest/index.ts';
import { UsageError } from '../../errors.ts';
import type { OptionTable } from '../option-row.ts';
import { parseCount } from '../parse-number.ts';
import type { CommandLineSource, NamedGuest, OpenOptions } from './named-guest.ts';

/** The options that name a QEMU. @internal */
export const QEMU_OPTIONS = {
  qmp: {
    value: 'ENDPOINT',
    help: 'QMP socket of the guest: unix:PATH, tcp:HOST:PORT, exec:COMMAND (or $PAGEWALK_QMP)',
  },
  gdb: {
    value: 'ENDPOINT',
    help: 'GDB stub of the guest (or $PAGEWALK_GDB); not needed with QMP, which finds or starts one',
  },
} as const satisfies OptionTable;

/** What a timer of Node can wait for. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A QEMU by its endpoints. @internal */
export class NamedQemu implements NamedGuest {
  readonly qmp: string | undefined;
  readonly gdb: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly maxPauseMs: number | undefined;

  constructor({ qmp, gdb, timeoutMs, maxPauseMs }: Pick<NamedQemu, 'qmp' | 'gdb' | 'timeoutMs' | 'maxPauseMs'>) {
    this.qmp = qmp;
    this.gdb = gdb;
    this.timeoutMs = timeoutMs;
    this.maxPauseMs = maxPauseMs;
  }

  get whyNotLive(): string | null {
    return this.qmp === undefined ? '--live needs --qmp: the GDB stub pauses the guest' : null;
  }

  expectThere(): void {
    for (const endpoint of [this.qmp, this.gdb]) {
      if (endpoint !== undefined) expectSocketFile(parseEndpoint(endpoint));
    }
  }

  async open({ hostMemory, trace, signal, rehearsal }: OpenOptions): Promise<OpenGuest> {
    const { attach, rehearse } = await import('../../../guest/internal.ts');
    const { qmp, gdb, timeoutMs, maxPauseMs } = this;
    const prepare = async (): Promise<void> => (rehearsal === undefined ? undefined : rehearse(rehearsal));
    // Connecting to a stub pauses the guest, which then would wait for the rehearsal.
    if (qmp === undefined) await prepare();
    const attaching = attach({
      ...(qmp === undefined ? {} : { qmp }),
      ...(gdb === undefined ? {} : { gdb }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxPauseMs === undefined ? {} : { maxPauseMs }),
      endWhenStuck: true,
      ...(trace ? { trace } : {}),
      hostMemory,
      signal,
    });
    // While QEMU answers.
    if (qmp !== undefined) await Promise.allSettled([attaching, prepare()]);
    return attaching;
  }
}

/** @internal */
export const QEMU_SOURCE: CommandLineSource = {
  options: QEMU_OPTIONS,
  usage: '--qmp ENDPOINT (or PAGEWALK_QMP), or --gdb',
  parse({ values }, environment, command) {
    const qmp = endpointOf('qmp', values, environment, command);
    const gdb = endpointOf('gdb', values, environment, command);
    if (qmp === undefined && gdb === undefined) return undefined;
    if (qmp !== undefined && gdb !== undefined && canonical(qmp) === canonical(gdb)) {
      throw new UsageError(`${qmp} was given as the QMP endpoint and as the GDB stub; they are two sockets`, command);
    }
    const milliseconds = (name: string): number | undefined => {
      const text = values.get(name);
      return text === undefined
        ? undefined
        : parseCount(text, `--${name}`, { least: 1, most: LONGEST_TIMEOUT_MS }, command);
    };
    return new NamedQemu({ qmp, gdb, timeoutMs: milliseconds('timeout'), maxPauseMs: milliseconds('max-pause') });
  },
};

type Environment = Readonly<Record<string, string | undefined>>;

function canonical(endpoint: string): string {
  return formatEndpoint(parseEndpoint(endpoint));
}

function endpointOf(
  name: 'qmp' | 'gdb',
  values: ReadonlyMap<string, string>,
  environment: Environment,
  command: string,
): string | undefined {
  const variable = `PAGEWALK_${name.toUpperCase()}`;
  const option = values.get(name);
  const text = option ?? environment[variable];
  if (text === undefined || text === '') return undefined;
  try {
    parseEndpoint(text);
    return text;
  } catch (error) {
    const from = option === undefined ? variable : `--${name}`;
    throw new UsageError(`${from}: ${(error as EndpointError).message}`, command, { cause: error });
  }
}
