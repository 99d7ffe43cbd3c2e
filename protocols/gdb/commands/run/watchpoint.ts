import { formatHex } from '../../hex.ts';
import { refuseReply, requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/** `Z2,<address>,<bytes>` or `z2,...`: a watchpoint for writes at linear addresses, on all vCPUs. @internal */
export function watchpointRequest(
  operation: 'insert' | 'remove',
  address: bigint,
  lengthBytes: number,
): GdbRequest<void> {
  const payload = `${operation === 'insert' ? 'Z' : 'z'}2,${formatHex(address)},${formatHex(lengthBytes)}`;
  return {
    payload,
    maxReplyBytes: 3,
    decode(reply, context) {
      if (reply.length === 0) refuseReply(reply, payload, "'OK'", context, 'the accelerator has no watchpoints');
      requireOk(reply, payload, context);
    },
  };
}
