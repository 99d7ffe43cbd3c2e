import { GdbProtocolError, GdbReplyError, GdbUnsupportedError } from '../errors.ts';
import { hexDigitValue } from '../hex.ts';
import type { ReplyContext } from './request.ts';

const LETTER_E = 0x45;

/**
 * The reply as text, one character for each byte. Not by TextDecoder: its `latin1` is windows-1252 by the Encoding Standard, which Node
 * follows from 22 on, so that 0x80 to 0x9f become other characters, with numbers above 0xff.
 *
 * @internal
 */
export function replyText(reply: Uint8Array): string {
  return Buffer.from(reply.buffer, reply.byteOffset, reply.length).toString('latin1');
}

/** Whether the reply is `OK`. @internal */
export function isOk(reply: Uint8Array): boolean {
  return reply.length === 2 && reply[0] === 0x4f && reply[1] === 0x4b;
}

/** For requests that have no other good answer than `OK`. @internal */
export function requireOk(reply: Uint8Array, payload: string, context: ReplyContext): void {
  if (!isOk(reply)) refuseReply(reply, payload, "'OK'", context);
}

/**
 * Throws what a reply deserves that is not the one hoped for.
 *
 * @throws GdbUnsupportedError for the empty packet, GdbReplyError for `E<nn>`, GdbProtocolError for anything else.
 * @internal
 */
export function refuseReply(
  reply: Uint8Array,
  payload: string,
  expected: string,
  context: ReplyContext,
  advice = '',
): never {
  if (reply.length === 0) throw new GdbUnsupportedError(payload, advice, context);
  const errno = errorNumber(reply);
  if (errno !== undefined) throw new GdbReplyError(payload, errno, context);
  throw new GdbProtocolError(`expected ${expected} in reply to '${payload.slice(0, 80)}'`, reply, context);
}

/** QEMU prints the number in decimal (`E22` is EINVAL), though the protocol says hexadecimal. */
function errorNumber(reply: Uint8Array): number | undefined {
  if (reply.length !== 3 || reply[0] !== LETTER_E) return undefined;
  const tens = hexDigitValue(reply[1] as number);
  const ones = hexDigitValue(reply[2] as number);
  return tens > 9 || ones > 9 ? undefined : tens * 10 + ones;
}
