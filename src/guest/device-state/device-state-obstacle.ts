import { GuestError } from '../errors.ts';

/**
 * QEMU's device state is not asked for, as QEMU may not survive that or the guest may be harmed. The message says why,
 * to users.
 *
 * @internal
 */
export class DeviceStateObstacle extends GuestError {
  override readonly name = 'DeviceStateObstacle';
  readonly code = 'ERR_GUEST_DEVICE_STATE';
}
