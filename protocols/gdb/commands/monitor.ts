import { GdbArgumentError, GdbProtocolError } from '../errors.ts';
import { decodeHex, formatHexBytes } from '../hex.ts';
import { isOk, refuseReply } from '../reply.ts';
import type { GdbRequest } from '../request.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const LETTER_O = 0x4f;
/** Output that most commands stay below; what exceeds it QEMU writes into a buffer that may be full. */
const USUAL_OUTPUT_BYTES = 65_536;

/**
 * `qRcmd,<command>`: one line of QEMU's human monitor. The output comes as any number of `O<hex>` packets before the `OK`,
 * so the bound on what is outstanding is but a guess for it. A wrong command is not an error: its complaint is the output.
 *
 * @throws {@link GdbArgumentError} (`ERR_GDB_ARGUMENT`) for an empty command or one of several lines.
 * @public
 */
export function monitorRequest(command: string, timeoutMs?: number): GdbRequest<string> {
  if (command === '' || /[\r\n\0]/.test(command)) {
    throw new GdbArgumentError(`not a monitor command of one line: '${command}'`);
  }
  const payload = `qRcmd,${formatHexBytes(new TextEncoder().encode(command))}`;
  const pieces: Uint8Array[] = [];
  let outputBytes = 0;
  return {
    payload,
    maxReplyBytes: USUAL_OUTPUT_BYTES,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    absorb(reply, context) {
      if (reply[0] !== LETTER_O || isOk(reply)) return false;
      const piece = decodeHex(reply.subarray(1));
      if (piece === undefined) throw new GdbProtocolError('expected monitor output in hexadecimal', reply, context);
      outputBytes += piece.length;
      if (outputBytes > MAX_OUTPUT_BYTES) throw new GdbProtocolError('endless monitor output', piece, context);
      pieces.push(piece);
      return true;
    },
    decode(reply, context) {
      if (!isOk(reply)) refuseReply(reply, payload, "'O...' or 'OK'", context);
      // A line may be cut anywhere, also within a character: decode the whole.
      return new TextDecoder().decode(Buffer.concat(pieces)).replaceAll('\r\n', '\n');
    },
  };
}
