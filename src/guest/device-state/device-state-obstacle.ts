import type { DeviceStateCause } from '../causes/device-state-cause.ts';
import { GuestError } from '../errors.ts';

/** QEMU's device state is not asked for, as QEMU may not survive that or the guest may be harmed. @internal */
export class DeviceStateObstacle extends GuestError {
  override readonly name = 'DeviceStateObstacle';
  readonly code = 'ERR_GUEST_DEVICE_STATE';
  readonly obstacle: DeviceStateCause;

  constructor(obstacle: DeviceStateCause) {
    super(`QEMU is not asked for its device state: ${obstacle.code}`);
    this.obstacle = obstacle;
  }
}
