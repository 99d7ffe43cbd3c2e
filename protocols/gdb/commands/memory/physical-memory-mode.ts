import { refuseReply, replyText } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

const ADVICE = 'reading guest-physical memory through the stub needs QEMU 4.2 or later';

/**
 * `Qqemu.PhyMemMode:<0|1>`: makes `m` and `M` physical, or virtual again. For the whole process, and beyond the end of the
 * connection. Only the colon form is understood; `=` is answered with the empty packet.
 *
 * @internal
 */
export function setPhysicalMemoryModeRequest(on: boolean): GdbRequest<void> {
  const payload = `Qqemu.PhyMemMode:${on ? 1 : 0}`;
  return {
    payload,
    maxReplyBytes: 3,
    decode(reply, context) {
      if (replyText(reply) !== 'OK') refuseReply(reply, payload, "'OK'", context, ADVICE);
    },
  };
}

/** `qqemu.PhyMemMode`: whether `m` and `M` are physical now. @internal */
export function queryPhysicalMemoryModeRequest(): GdbRequest<boolean> {
  const payload = 'qqemu.PhyMemMode';
  return {
    payload,
    maxReplyBytes: 3,
    decode(reply, context) {
      const text = replyText(reply);
      if (text !== '0' && text !== '1') refuseReply(reply, payload, "'0' or '1'", context, ADVICE);
      return text === '1';
    },
  };
}
