import { formatHex, formatHexBytes } from '../../hex.ts';
import { requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/** A whole `M` packet must fit 4095 characters, or it is dropped unanswered: 1024 bytes always do. @internal */
export const MAX_WRITE_BYTES = 1024;

/**
 * `M<address>,<length>:<bytes>`: changes memory, virtual or physical by the stub's current mode. `OK` does not prove that
 * anything changed: in physical mode QEMU says so for ROM and for addresses without memory too.
 *
 * @param bytes - 1 to {@link MAX_WRITE_BYTES}.
 * @internal
 */
export function writeMemoryRequest(address: number | bigint, bytes: Uint8Array): GdbRequest<void> {
  const payload = `M${formatHex(address)},${formatHex(bytes.length)}:${formatHexBytes(bytes)}`;
  return { payload, maxReplyBytes: 3, decode: (reply, context) => requireOk(reply, payload, context) };
}
