import { requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { formatThreadId } from '../../packets/thread-id.ts';

/**
 * `Hg<id>`: the vCPU whose registers, and through whose page tables virtual memory, the following requests see. `Hc<id>`: the
 * vCPU whose single-step mode ends when the guest is stopped from outside. Both are forgotten by the stub at each stop.
 *
 * @param cpuIndex - QMP's `cpu-index`.
 * @internal
 */
export function selectThreadRequest(cpuIndex: number, purpose: 'look' | 'run' = 'look'): GdbRequest<void> {
  const payload = `H${purpose === 'look' ? 'g' : 'c'}${formatThreadId(cpuIndex)}`;
  return { payload, maxReplyBytes: 3, decode: (reply, context) => requireOk(reply, payload, context) };
}
