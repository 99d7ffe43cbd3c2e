import { printableText } from '../../transport/internal.ts';
import { normalizeLineEnds } from './hmp-output.ts';

/**
 * What the monitor command `gdbserver` did.
 *
 * - `listening`: a stub waits for a client; starting it does not pause the guest.
 * - `disabled`: after `gdbserver none`; there is no stub any more.
 * - `exists`: refused, since there is a stub already; that one and its client are untouched.
 * - `failed`: refused for the reason in `problem`.
 *
 * @public
 */
export type GdbserverOutcome =
  | { readonly kind: 'listening'; readonly device: string }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'failed'; readonly problem: string };

const LISTENING = "Waiting for gdb connection on device '";
/** What the monitor says about one command line. */
const MAX_LINES = 64;

/**
 * Tells success from failure of `gdbserver DEVICE`, which QEMU reports as ordinary text:
 *
 * ```
 * Waiting for gdb connection on device 'unix:/run/x.gdb,server=on,wait=off'
 * Disabled gdbserver
 * duplicate yank instance                                     7.2: there is a stub already
 * Failed to bind socket to /nonexist/x: No such file or directory
 * Could not open gdbserver on device 'unix:/nonexist/x,server=on'
 * ```
 *
 * Whatever is not known to be success is failure.
 *
 * @public
 */
export function parseGdbserverOutput(text: string): GdbserverOutcome {
  const lines = normalizeLineEnds(text).trim().split('\n', MAX_LINES);
  const listening = lines.find((line) => line.startsWith(LISTENING) && line.endsWith("'"));
  if (listening !== undefined && listening.length > LISTENING.length) {
    return { kind: 'listening', device: listening.slice(LISTENING.length, -1) };
  }
  if (lines.length === 1 && lines[0] === 'Disabled gdbserver') return { kind: 'disabled' };
  if (lines.includes('duplicate yank instance')) return { kind: 'exists' };
  return { kind: 'failed', problem: printableText(lines.join('; ')) };
}
