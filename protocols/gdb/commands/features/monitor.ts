import { GdbArgumentError, GdbProtocolError } from '../../errors.ts';
import { decodeHexInto, formatHexBytes } from '../../hex.ts';
import { isOk, refuseReply } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/** As long as the longest message of QMP, where the same texts come. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** As they travel: two digits for a byte, and what is around a packet. An empty packet is one, too. */
const MAX_WIRE_BYTES = 3 * MAX_OUTPUT_BYTES;
const FRAMING_BYTES = 5;
const LETTER_O = 0x4f;
/** Output that most commands stay below; what exceeds it QEMU writes into a buffer that may be full. */
const USUAL_OUTPUT_BYTES = 65_536;

/**
 * `qRcmd,<command>`: one line of QEMU's human monitor. The output comes as any number of `O<hex>` packets before the `OK`,
 * so the bound on what is outstanding is but a guess for it. A wrong command is not an error: its complaint is the output.
 *
 * @throws {@link GdbArgumentError} (`ERR_GDB_ARGUMENT`) for an empty command or one of several lines.
 * @internal
 */
export function monitorRequest(command: string, timeoutMs?: number): GdbRequest<string> {
  if (command === '' || /[\r\n\0]/.test(command)) {
    throw new GdbArgumentError(`not a monitor command of one line: '${command}'`);
  }
  const payload = `qRcmd,${formatHexBytes(new TextEncoder().encode(command))}`;
  let output = new Uint8Array(0);
  let outputBytes = 0;
  let wireBytes = 0;
  return {
    payload,
    maxReplyBytes: USUAL_OUTPUT_BYTES,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    absorb(reply, context) {
      if (reply[0] !== LETTER_O || isOk(reply)) return false;
      const needed = outputBytes + ((reply.length - 1) >> 1);
      wireBytes += reply.length + FRAMING_BYTES;
      if (needed > MAX_OUTPUT_BYTES || wireBytes > MAX_WIRE_BYTES) {
        throw new GdbProtocolError(`more than ${MAX_OUTPUT_BYTES} bytes of monitor output`, reply, context);
      }
      if (needed > output.length) output = enlarge(output, needed);
      if (!decodeHexInto(reply.subarray(1), output, outputBytes)) {
        throw new GdbProtocolError('expected monitor output in hexadecimal', reply, context);
      }
      outputBytes = needed;
      return true;
    },
    decode(reply, context) {
      if (!isOk(reply)) refuseReply(reply, payload, "'O...' or 'OK'", context);
      // A line may be cut anywhere, also within a character: decode the whole.
      return new TextDecoder().decode(output.subarray(0, outputBytes)).replaceAll('\r\n', '\n');
    },
  };
}

/** Twice as long at least: pieces may be a byte each. */
function enlarge(bytes: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, 2 * bytes.length, 4096));
  larger.set(bytes);
  return larger;
}
