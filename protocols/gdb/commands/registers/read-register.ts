import { decodeHex, formatHex } from '../../hex.ts';
import { refuseReply } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { decodeLittleEndian, type RegisterDescription } from '../../target-description/register-layout.ts';

/**
 * `p<number>`: one register of the selected vCPU. Under KVM the value is stale unless `g` was asked since the last stop; QEMU
 * 7.2 answers with the empty packet until the target description has been read on the same connection.
 *
 * @param register - a register of the stub's own layout: QEMU checks numbers badly, and a negative one kills it.
 * @internal
 */
export function readRegisterRequest(register: RegisterDescription): GdbRequest<bigint> {
  const payload = `p${formatHex(register.number)}`;
  return {
    payload,
    maxReplyBytes: Math.max(register.bits / 4, 3),
    decode(reply, context) {
      const bytes = reply.length === register.bits / 4 ? decodeHex(reply) : undefined;
      if (bytes === undefined) return refuseReply(reply, payload, `${register.bits} bits in hexadecimal`, context);
      return decodeLittleEndian(bytes, 0, bytes.length);
    },
  };
}
