import { refuseReply } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { decodeStopReply, isStopReply, type StopReply } from '../../packets/stop-reply.ts';
import { formatThreadId } from '../../packets/thread-id.ts';

/**
 * `vCont;s:<id>` or `vCont;c:<id>`: lets exactly one vCPU run, one instruction or until something stops it; the others stay
 * where they are (a plain `s` would let them run). Nothing may be sent before the stop reply: any byte would stop the guest,
 * and on QEMU 10 leave it in single-step mode for good.
 *
 * @param cpuIndex - QMP's `cpu-index`; undefined with `continue`: all of them.
 * @internal
 */
export function resumeRequest(action: 'step' | 'continue', cpuIndex?: number): GdbRequest<StopReply> {
  const payload = `vCont;${action === 'step' ? 's' : 'c'}${cpuIndex === undefined ? '' : `:${formatThreadId(cpuIndex)}`}`;
  return {
    payload,
    maxReplyBytes: 256,
    barrier: true,
    awaitsStop: true,
    // How long it may take is for the caller to decide; it ends with an interrupt, never with a broken connection.
    timeoutMs: 0,
    decode(reply, context) {
      if (!isStopReply(reply)) refuseReply(reply, payload, 'a stop reply', context);
      return decodeStopReply(reply, context);
    },
  };
}
