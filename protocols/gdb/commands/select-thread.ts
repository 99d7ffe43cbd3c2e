import { requireOk } from '../reply.ts';
import type { GdbRequest } from '../request.ts';
import { formatThreadId } from '../thread-id.ts';

/**
 * `Hg<id>`: the vCPU whose registers, and through whose page tables virtual memory, the following requests see. Forgotten by
 * the stub at each stop of the guest.
 *
 * @param cpuIndex - QMP's `cpu-index`.
 * @public
 */
export function selectThreadRequest(cpuIndex: number): GdbRequest<void> {
  const payload = `Hg${formatThreadId(cpuIndex)}`;
  return { payload, maxReplyBytes: 3, decode: (reply, context) => requireOk(reply, payload, context) };
}
