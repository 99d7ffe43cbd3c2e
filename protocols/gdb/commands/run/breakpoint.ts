import { formatHex } from '../../hex.ts';
import { refuseReply, requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/**
 * `Z1,<address>,1` or `z1,...`: a hardware breakpoint at a linear address, on all vCPUs. Unlike a software one it never
 * writes an instruction into the guest's memory (which KVM does for `Z0`).
 *
 * @internal
 */
export function breakpointRequest(operation: 'insert' | 'remove', address: bigint): GdbRequest<void> {
  const payload = `${operation === 'insert' ? 'Z' : 'z'}1,${formatHex(address)},1`;
  return {
    payload,
    maxReplyBytes: 3,
    decode(reply, context) {
      if (reply.length === 0)
        refuseReply(reply, payload, "'OK'", context, 'the accelerator has no hardware breakpoints');
      requireOk(reply, payload, context);
    },
  };
}
