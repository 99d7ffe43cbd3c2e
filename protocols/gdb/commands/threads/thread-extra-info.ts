import { escapeUnprintable } from '../../../transport/internal.ts';
import { decodeHex } from '../../hex.ts';
import { refuseReply, replyText } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { formatThreadId } from '../../packets/thread-id.ts';

/** What the stub tells about a vCPU. @public */
export interface ThreadExtraInfo {
  /** As the stub wrote it: `CPU#0 [running]`, `CPU#1 [halted ]`. */
  readonly text: string;
  /** The vCPU waits in HLT: a step of it begins only after its next interrupt. */
  readonly isHalted: boolean;
}

/**
 * `qThreadExtraInfo,<id>`. Ask only for a vCPU that exists: for any other the stub acks and says nothing, ever.
 *
 * @param cpuIndex - QMP's `cpu-index`.
 * @internal
 */
export function threadExtraInfoRequest(cpuIndex: number): GdbRequest<ThreadExtraInfo> {
  const payload = `qThreadExtraInfo,${formatThreadId(cpuIndex)}`;
  return {
    payload,
    maxReplyBytes: 4096,
    decode(reply, context) {
      const bytes = reply.length === 0 ? undefined : decodeHex(reply);
      if (bytes === undefined) return refuseReply(reply, payload, 'hexadecimal text', context);
      const text = escapeUnprintable(replyText(bytes));
      return { text, isHalted: /\[halted\s{0,8}\]/.test(text) };
    },
  };
}
