import { type EndpointError, formatEndpoint, parseEndpoint } from '../../../protocols/transport/index.ts';
import { UsageError } from '../errors.ts';
import { parseCount } from './parse-number.ts';
import type { ParsedOptions } from './parse-options.ts';

/** How a command is told to reach its guest. @internal */
export interface GuestOptions {
  readonly qmp: string | undefined;
  readonly gdb: string | undefined;
  readonly cpu: number;
  readonly timeoutMs: number | undefined;
  readonly maxPauseMs: number | undefined;
  readonly traceFile: string | undefined;
  /** An assumption that decides an answer is a failure. */
  readonly strict: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What a timer of Node can wait for. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
const MOST_CPUS = 2 ** 32 - 1;

/**
 * Understands the options that every command about a guest has. Nothing is connected.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`, also when no endpoint is given at all.
 * @internal
 */
export function parseGuestOptions(
  { values, flags }: ParsedOptions,
  environment: Environment,
  command: string,
): GuestOptions {
  const qmp = endpointOf('qmp', values, environment, command);
  const gdb = endpointOf('gdb', values, environment, command);
  if (qmp === undefined && gdb === undefined) {
    throw new UsageError(
      'no endpoint: say where the guest is with --qmp ENDPOINT (or PAGEWALK_QMP), or --gdb',
      command,
    );
  }
  if (qmp !== undefined && gdb !== undefined && canonical(qmp) === canonical(gdb)) {
    throw new UsageError(`${qmp} was given as the QMP endpoint and as the GDB stub; they are two sockets`, command);
  }
  const cpu = values.get('cpu');
  const milliseconds = (name: string): number | undefined => {
    const text = values.get(name);
    return text === undefined
      ? undefined
      : parseCount(text, `--${name}`, { least: 1, most: LONGEST_TIMEOUT_MS }, command);
  };
  return {
    qmp,
    gdb,
    cpu: cpu === undefined ? 0 : parseCount(cpu, '--cpu', { least: 0, most: MOST_CPUS }, command),
    timeoutMs: milliseconds('timeout'),
    maxPauseMs: milliseconds('max-pause'),
    traceFile: values.get('trace'),
    strict: flags.has('strict'),
  };
}

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
