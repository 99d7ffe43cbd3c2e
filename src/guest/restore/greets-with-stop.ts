import type { QemuVersion } from '../../paging/index.ts';

/**
 * Whether this QEMU greets with a stop reply when it was the connection to its stub that paused the guest: up to 8.0 it sends them
 * without being asked.
 *
 * @internal
 */
export function greetsWithStop([major, minor]: QemuVersion): boolean {
  return major < 8 || (major === 8 && minor === 0);
}
