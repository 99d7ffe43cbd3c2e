import {
  type EndpointError,
  expectSocketFile,
  formatEndpoint,
  LONGEST_TIMER_MS,
  parseEndpoint,
} from '../../../../protocols/transport/internal.ts';
import type { OpenGuest } from '../../../guest/index.ts';
import type { FoundGuests } from '../../../guest/internal.ts';
import { UsageError } from '../../errors.ts';
import type { OptionTable } from '../option-row.ts';
import { parseCount } from '../parse-number.ts';
import type { CommandLineSource, NamedGuest, OpenOptions } from './named-guest.ts';

/** The options that name a QEMU. @internal */
export const QEMU_OPTIONS = {
  qmp: {
    value: 'ENDPOINT',
    help: 'QMP socket of the guest: unix:PATH, tcp:HOST:PORT, libvirt:DOMAIN, tls:HOST:PORT,\nexec:COMMAND (or $PAGEWALK_QMP)',
  },
  guest: {
    value: 'NAME|PID',
    help: 'a QEMU of this host (with --host of that one) by its name or process id, instead of an\nendpoint; see pagewalk guests',
  },
  host: {
    value: 'COMMAND',
    help: "runs a helper on another host (ssh lab; python3 is needed there): unix: and tcp: endpoints\nare that host's (exec: and tls: lead there from this one), and device state and memory come\nfrom there as well",
  },
  gdb: {
    value: 'ENDPOINT',
    help: 'GDB stub of the guest (or $PAGEWALK_GDB); not needed with QMP, which finds or starts one',
  },
} as const satisfies OptionTable;

/** A QEMU by its endpoints. @internal */
export class NamedQemu implements NamedGuest {
  readonly qmp: string | undefined;
  readonly gdb: string | undefined;
  /** The process that is meant, where that is known. */
  readonly process: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly maxPauseMs: number | undefined;

  constructor({
    qmp,
    gdb,
    process,
    timeoutMs,
    maxPauseMs,
  }: Pick<NamedQemu, 'qmp' | 'gdb' | 'timeoutMs' | 'maxPauseMs'> & Partial<Pick<NamedQemu, 'process'>>) {
    this.qmp = qmp;
    this.gdb = gdb;
    this.process = process;
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

  async open({
    hostMemory,
    unneeded = {},
    trace,
    signal,
    rehearsal,
    allowWrites = false,
  }: OpenOptions): Promise<OpenGuest> {
    const { attach, rehearse } = await import('../../../guest/internal.ts');
    const { qmp, gdb, process, timeoutMs, maxPauseMs } = this;
    const prepare = async (): Promise<void> => (rehearsal === undefined ? undefined : rehearse(rehearsal, hostMemory));
    // Connecting to a stub pauses the guest, which then would wait for the rehearsal.
    if (qmp === undefined) await prepare();
    const attaching = attach({
      ...(qmp === undefined ? {} : { qmp }),
      ...(gdb === undefined ? {} : { gdb }),
      ...(process === undefined ? {} : { process }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxPauseMs === undefined ? {} : { maxPauseMs }),
      endWhenStuck: true,
      ...(trace ? { trace } : {}),
      ...{ hostMemory, unneeded, allowWrites },
      signal,
    });
    // While QEMU answers.
    if (qmp !== undefined) await Promise.allSettled([attaching, prepare()]);
    return attaching;
  }
}

/**
 * The QEMUs of a host.
 *
 * @param host - what starts a helper there; this host without
 * @throws ConnectError
 * @internal
 */
export async function findGuestsOf(host: string | undefined, timeoutMs?: number): Promise<FoundGuests> {
  const { DEFAULT_TIMEOUT_MS, findGuests, lookAtOtherHost } = await import('../../../guest/internal.ts');
  if (host === undefined) return findGuests();
  const { lookAtHost } = await import('../../../../protocols/transport/internal.ts');
  const files = await lookAtHost(host, { timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS });
  try {
    return findGuests(await lookAtOtherHost(files, host));
  } finally {
    await files.close();
  }
}

/** A QEMU of this host, or of another one, by what it is called. Which endpoint reaches it is found out when it is opened. */
class ListedQemu implements NamedGuest {
  /** Known when it is found. */
  readonly whyNotLive = null;
  readonly #wanted: string;
  readonly #host: string | undefined;
  readonly #command: string;
  readonly #times: Pick<NamedQemu, 'timeoutMs' | 'maxPauseMs'>;
  #found: Promise<NamedQemu> | undefined;

  /** @param host - what starts a helper on the host that it is on; this one without */
  constructor(
    wanted: string,
    host: string | undefined,
    times: Pick<NamedQemu, 'timeoutMs' | 'maxPauseMs'>,
    command: string,
  ) {
    this.#wanted = wanted;
    this.#host = host;
    this.#command = command;
    this.#times = times;
  }

  async expectThere(): Promise<void> {
    (await this.#find()).expectThere();
  }

  async open(how: OpenOptions): Promise<OpenGuest> {
    const found = await this.#find();
    if (how.live && found.whyNotLive !== null) {
      const problem = `only its GDB stub is reached from here, ${found.gdb ?? ''}`;
      throw new UsageError(`--guest ${this.#wanted}: ${problem}; ${found.whyNotLive}`, this.#command);
    }
    return found.open(how);
  }

  #find(): Promise<NamedQemu> {
    this.#found ??= this.#look();
    return this.#found;
  }

  async #look(): Promise<NamedQemu> {
    const { chooseGuest } = await import('../../../guest/internal.ts');
    const { reach, pid } = chooseGuest(
      this.#wanted,
      await findGuestsOf(this.#host, this.#times.timeoutMs),
      this.#host === undefined ? 'this host' : 'that host',
    );
    return new NamedQemu({ qmp: undefined, gdb: undefined, ...reach, process: pid, ...this.#times });
  }
}

/** @internal */
export const QEMU_SOURCE: CommandLineSource = {
  options: QEMU_OPTIONS,
  usage: '--qmp ENDPOINT (or PAGEWALK_QMP), --guest NAME|PID, or --gdb',
  parse({ values }, environment, command) {
    const times = {
      timeoutMs: timeoutOf(values, command),
      maxPauseMs: millisecondsOf('max-pause', values, command),
    };
    const wanted = values.get('guest');
    if (wanted !== undefined) {
      const other = ['qmp', 'gdb'].find((name) => values.has(name));
      if (other !== undefined) throw new UsageError(`--guest and --${other} exclude each other`, command);
      return new ListedQemu(wanted, hostOf(values.get('host'), command), times, command);
    }
    const host = values.get('host');
    const there = (name: 'qmp' | 'gdb'): string | undefined =>
      onHost(host, name, endpointOf(name, values, environment, command), command);
    const [qmp, gdb] = [there('qmp'), there('gdb')];
    if (host !== undefined && qmp === undefined && gdb === undefined) {
      throw new UsageError('--host says where an endpoint is, and none is given: add --qmp unix:PATH', command);
    }
    if (host !== undefined && qmp === undefined && gdb?.startsWith('host:') === false) {
      throw new UsageError(
        `--host starts a helper, which has nothing to do for a stub alone that is reached from this host (${gdb}): add --qmp, or leave --host out`,
        command,
      );
    }
    if (qmp === undefined && gdb === undefined) return undefined;
    if (qmp !== undefined && gdb !== undefined && canonical(qmp) === canonical(gdb)) {
      throw new UsageError(`${qmp} was given as the QMP endpoint and as the GDB stub; they are two sockets`, command);
    }
    return new NamedQemu({ qmp, gdb, ...times });
  },
};

/** `--timeout`. @throws UsageError @internal */
export function timeoutOf(values: ReadonlyMap<string, string>, command: string): number | undefined {
  return millisecondsOf('timeout', values, command);
}

function millisecondsOf(name: string, values: ReadonlyMap<string, string>, command: string): number | undefined {
  const text = values.get(name);
  return text === undefined ? undefined : parseCount(text, `--${name}`, { least: 1, most: LONGEST_TIMER_MS }, command);
}

/** What starts a helper on another host. @throws UsageError where no endpoint can name it @internal */
export function hostOf(host: string | undefined, command: string): string | undefined {
  onHost(host, 'qmp', 'unix:/', command);
  return host;
}

/** An endpoint of the host on which a helper runs, or one that leads there from this one. */
function onHost(
  host: string | undefined,
  name: string,
  endpoint: string | undefined,
  command: string,
): string | undefined {
  if (host === undefined || endpoint === undefined) return endpoint;
  const target = parseEndpoint(endpoint);
  // A stub takes nothing of a helper's.
  if (name === 'gdb' && (target.kind === 'exec' || target.kind === 'tls')) return endpoint;
  if (target.kind === 'libvirt' || target.kind === 'host') {
    const advice =
      target.kind === 'libvirt'
        ? 'libvirt reaches other hosts by its own URI: libvirt:qemu+ssh://lab/system/DOMAIN, without --host'
        : 'the endpoint names a helper already';
    throw new UsageError(`--host and --${name} ${target.kind}: do not go together; ${advice}`, command);
  }
  try {
    const text = formatEndpoint({ kind: 'host', command: host, target });
    parseEndpoint(text);
    return text;
  } catch (error) {
    throw new UsageError(`--host: ${(error as EndpointError).message}`, command, { cause: error });
  }
}

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
