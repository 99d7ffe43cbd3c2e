import { GdbPacketTooLongError } from '../errors.ts';
import { formatHex } from '../hex.ts';

/**
 * The longest payload QEMU's stub takes, in characters on the wire: its line buffer has 4096, and needs one for the end.
 * QEMU 7.2 and 10.0 drop a longer packet with neither ack, nak nor reply.
 *
 * @public
 */
export const MAX_REQUEST_CHARS = 4095;

const NEEDS_ESCAPE = /[#$}*]/g;

/**
 * Frames a payload (a string of single-byte characters): `$payload#checksum`.
 *
 * ```
 *   $ m 1 0 0 0 , 8 # c s      # $ } * inside the payload travel as } and the character xor 0x20;
 *     └─ summed ─┘             cs = sum of the bytes as they travel, modulo 256
 * ```
 *
 * @param limitChars - the longest payload allowed, escapes included.
 * @throws {@link GdbPacketTooLongError} (`ERR_GDB_PACKET_TOO_LONG`).
 * @public
 */
export function encodePacket(payload: string, limitChars: number = MAX_REQUEST_CHARS): string {
  const body = payload.replace(NEEDS_ESCAPE, escapeCharacter);
  if (body.length > limitChars) throw new GdbPacketTooLongError(payload, body.length, limitChars);
  let sum = 0;
  for (let index = 0; index < body.length; index++) sum += body.charCodeAt(index);
  sum &= 0xff;
  return `$${body}#${sum < 16 ? '0' : ''}${formatHex(sum)}`;
}

function escapeCharacter(character: string): string {
  return `}${String.fromCharCode(character.charCodeAt(0) ^ 0x20)}`;
}
