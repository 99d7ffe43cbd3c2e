import { formatHex } from '../../hex.ts';
import { refuseReply } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/** A piece of one file of the target description. @internal */
export interface DescriptionPiece {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/**
 * `qXfer:features:read:<annex>:<offset>,<length>`. An offset behind the end of the file is answered with `E00`.
 *
 * @param lengthBytes - QEMU gives at most 2045 bytes at a time. Never 0: that is answered as if more were to come.
 * @internal
 */
export function readDescriptionRequest(
  annex: string,
  offset: number,
  lengthBytes: number,
): GdbRequest<DescriptionPiece> {
  const payload = `qXfer:features:read:${annex}:${formatHex(offset)},${formatHex(lengthBytes)}`;
  return {
    payload,
    // One letter, and each byte may need an escape.
    maxReplyBytes: 1 + 2 * lengthBytes,
    decode(reply, context) {
      const kind = reply[0];
      if (kind !== LETTER_M && kind !== LETTER_L) return refuseReply(reply, payload, "'m...' or 'l...'", context);
      return { bytes: reply.slice(1), isLast: kind === LETTER_L };
    },
  };
}

const LETTER_L = 0x6c;
const LETTER_M = 0x6d;
