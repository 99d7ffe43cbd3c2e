import { decodeHex } from '../../hex.ts';
import { refuseReply } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { decodeRegisters, type RegisterLayout, type RegisterValues } from '../../target-description/register-layout.ts';

/**
 * `g`: all general registers of the selected vCPU. Under KVM this is also what makes QEMU fetch them from the kernel.
 *
 * @internal
 */
export function readRegistersRequest(layout: RegisterLayout): GdbRequest<RegisterValues> {
  const payload = 'g';
  return {
    payload,
    maxReplyBytes: 2 * layout.sizeBytes,
    decode(reply, context) {
      const bytes = reply.length === 0 ? undefined : decodeHex(reply);
      const values = bytes && decodeRegisters(layout, bytes);
      if (values === undefined) {
        return refuseReply(
          reply,
          payload,
          `the ${layout.sizeBytes} bytes of the ${layout.architecture} layout`,
          context,
        );
      }
      return values;
    },
  };
}
