import { replyText } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/**
 * `qqemu.Supported`: QEMU's own extensions, e.g. `sstepbits`, `sstep`, `PhyMemMode`. Empty for a stub that has none.
 *
 * @internal
 */
export function qemuSupportedRequest(): GdbRequest<ReadonlySet<string>> {
  return {
    payload: 'qqemu.Supported',
    maxReplyBytes: 4096,
    decode: (reply) => new Set(replyText(reply).split(';').filter(Boolean)),
  };
}
