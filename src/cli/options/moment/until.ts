import { LONGEST_TIMER_MS } from '../../../../protocols/transport/internal.ts';
import { UsageError } from '../../errors.ts';
import type { OptionTable } from '../option-row.ts';
import { parseCount, parseNumber } from '../parse-number.ts';
import type { ParsedOptions } from '../parse-options.ts';

/** What a vCPU is waited for to do. @internal */
export type UntilCondition =
  | { readonly kind: 'user' | 'kernel' | 'nested' }
  | { readonly kind: 'cr3'; readonly cr3: bigint }
  | { readonly kind: 'process'; readonly process: number | string };

/** A moment that is waited for, and for how long. @internal */
export interface Until {
  /** As it was written. */
  readonly text: string;
  readonly condition: UntilCondition;
  readonly withinMs: number;
  /** Whose command line it is. */
  readonly command: string;
}

const DEFAULT_MS = 5000;

/** Options that wait for a moment. @internal */
export const UNTIL_OPTIONS = {
  until: {
    value: 'WHAT',
    words: ['user', 'kernel', 'nested'],
    help:
      'pause again and again until the vCPU is in user mode (user), in supervisor mode (kernel),\n' +
      'in a nested guest (nested), at a CR3 (cr3=VALUE), or in a process (process=PID, process=NAME)',
  },
  within: { value: 'MS', help: `stop waiting for --until after so long; ${DEFAULT_MS} when not given` },
} as const satisfies OptionTable;

/**
 * Takes the options of UNTIL_OPTIONS.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseUntil({ values, flags }: ParsedOptions, command: string): Until | undefined {
  const [text, within] = [values.get('until'), values.get('within')];
  if (text === undefined) {
    if (within !== undefined) throw new UsageError('--within needs --until', command);
    return undefined;
  }
  if (flags.has('live')) throw new UsageError('--until pauses the guest, and --live does not', command);
  const withinMs =
    within === undefined ? DEFAULT_MS : parseCount(within, '--within', { least: 1, most: LONGEST_TIMER_MS }, command);
  return { text, condition: parseCondition(text, command), withinMs, command };
}

function parseCondition(text: string, command: string): UntilCondition {
  if (text === 'user' || text === 'kernel' || text === 'nested') return { kind: text };
  const [, name = '', value = ''] = /^(cr3|process)=(.+)$/i.exec(text) ?? [];
  if (name.toLowerCase() === 'cr3') return { kind: 'cr3', cr3: parseNumber(value, '--until cr3', command) };
  if (name !== '') return { kind: 'process', process: /^[0-9]{1,7}$/.test(value) ? Number(value) : value };
  throw new UsageError(
    `--until ${JSON.stringify(text)} is none of user, kernel, nested, cr3=VALUE, process=PID and process=NAME`,
    command,
  );
}
