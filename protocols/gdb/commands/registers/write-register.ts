import { GdbArgumentError } from '../../errors.ts';
import { formatHex, formatHexBytes } from '../../hex.ts';
import { requireOk } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { encodeLittleEndian, type RegisterDescription } from '../../target-description/register-layout.ts';

/**
 * `P<number>=<value>`: changes one register of the selected vCPU. Always sends the full width: QEMU completes a shorter value
 * with what an earlier packet left behind.
 *
 * @throws {@link GdbArgumentError} (`ERR_GDB_ARGUMENT`) for a value that does not fit.
 * @internal
 */
export function writeRegisterRequest(register: RegisterDescription, value: bigint): GdbRequest<void> {
  if (value < 0n || value >> BigInt(register.bits) !== 0n) {
    throw new GdbArgumentError(
      `${formatHex(value)} does not fit the ${register.bits} bits of register '${register.name}'`,
    );
  }
  const payload = `P${formatHex(register.number)}=${formatHexBytes(encodeLittleEndian(value, register.bits / 8))}`;
  return { payload, maxReplyBytes: 3, decode: (reply, context) => requireOk(reply, payload, context) };
}
