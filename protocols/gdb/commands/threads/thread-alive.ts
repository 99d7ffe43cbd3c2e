import { GdbReplyError } from '../../errors.ts';
import { requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { formatThreadId } from '../../packets/thread-id.ts';

/**
 * `T<id>`: whether a vCPU exists.
 *
 * @param cpuIndex - QMP's `cpu-index`.
 * @internal
 */
export function threadAliveRequest(cpuIndex: number): GdbRequest<boolean> {
  const payload = `T${formatThreadId(cpuIndex)}`;
  return {
    payload,
    maxReplyBytes: 3,
    decode(reply, context) {
      try {
        requireOk(reply, payload, context);
        return true;
      } catch (error) {
        if (error instanceof GdbReplyError) return false;
        throw error;
      }
    },
  };
}
