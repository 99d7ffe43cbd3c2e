import { GdbProtocolError } from '../errors.ts';
import { decodeHex } from '../hex.ts';
import { replyText } from './reply.ts';
import type { ReplyContext } from './request.ts';
import { parseThreadId } from './thread-id.ts';

/** Why the guest is paused, or has ended. @public */
export type StopReply =
  | {
      readonly kind: 'stopped';
      /** The protocol's number: 5 step or breakpoint, 2 paused, 3 shut down, 6 internal error, 0x0e watchdog. */
      readonly signal: number;
      /** QMP's `cpu-index` of the vCPU that stopped, if the stub says which. */
      readonly cpuIndex: number | undefined;
      readonly text: string;
    }
  | { readonly kind: 'exited'; readonly status: number; readonly text: string };

const THREAD = 'thread:';

/**
 * Whether a packet is a stop reply. No reply to any request that this layer sends begins with these letters (they are
 * lower-case hexadecimal, `OK`, `O...`, `E..`, `QC..`, or empty), so a stop reply that comes unasked cannot be mistaken for one.
 *
 * @internal
 */
export function isStopReply(packet: Uint8Array): boolean {
  const first = packet[0];
  return (first === 0x54 || first === 0x53 || first === 0x57 || first === 0x58) && packet.length >= 3;
}

/**
 * Reads `T05thread:01;`, `S05`, `W00`, `X09`.
 *
 * @throws GdbProtocolError (`ERR_GDB_PROTOCOL`).
 * @internal
 */
export function decodeStopReply(packet: Uint8Array, context: ReplyContext): StopReply {
  const text = replyText(packet);
  const code = decodeHex(packet.subarray(1, 3))?.[0];
  if (!isStopReply(packet) || code === undefined) throw new GdbProtocolError('expected a stop reply', packet, context);
  if (text.startsWith('W') || text.startsWith('X')) return { kind: 'exited', status: code, text };
  const thread = text
    .slice(3)
    .split(';')
    .find((part) => part.startsWith(THREAD));
  const cpuIndex = thread === undefined ? undefined : parseThreadId(thread.slice(THREAD.length))?.cpuIndex;
  return { kind: 'stopped', signal: code, cpuIndex, text };
}
