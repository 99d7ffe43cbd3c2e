import { constants } from 'node:os';
import { escapeLines } from '../printable-text.ts';

/** POSIX, "Exit Status for Commands": a shell says by a status above this which signal ended its command. */
const SIGNAL_BASE = 128;

/**
 * The signal that ended a command which a shell had started: the shell's own where it was ended itself, else the one that its status
 * names. Undefined for a command that ended by itself. Statuses that name no signal of this system (ssh's 255) are the command's own.
 *
 * @internal
 */
export function endingSignalOf(status: number | null, signal: string | null): string | undefined {
  if (signal !== null) return signal;
  if (status === null || status <= SIGNAL_BASE) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === status - SIGNAL_BASE)?.[0];
}

/** How a command ended, as the end of a sentence: "ended with status 7", "was ended by SIGKILL". @internal */
export function endingOf(status: number | null, signal: string | null): string {
  const name = endingSignalOf(status, signal);
  return name === undefined ? `ended with status ${status}` : `was ended by ${name}`;
}

/** The same, and what it said on standard error before that, in words that a terminal may have. @internal */
export function endingInWords(status: number | null, signal: string | null, stderr: string): string {
  const said = escapeLines(stderr.trim().replaceAll('\r\n', '\n'));
  const end = endingOf(status, signal);
  return said === '' ? end : `${end} and said: ${said}`;
}
