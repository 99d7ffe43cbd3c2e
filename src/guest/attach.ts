import { nowMs } from '../../protocols/transport/internal.ts';
import { GuestUsageError } from './errors.ts';
import { Guest } from './guest.ts';
import type { GuestView } from './guest-view.ts';
import type { AttachOptions } from './link/attach-options.ts';
import type { Link } from './link/link.ts';
import { QmpLink } from './link/qmp-link.ts';
import { StubLink } from './link/stub-link.ts';
import { prepareDeviceState } from './monitor/prepare-device-state.ts';
import { requireOwnStub, requireProcess } from './peer/require-process.ts';
import { prepareMemory } from './qemu/prepare-memory.ts';
import { leaveAfter } from './resume/leave-after.ts';

/**
 * Attaches to a running QEMU. With QMP the guest goes on running until it is paused for a question; with a GDB endpoint alone
 * connecting pauses it.
 *
 * @throws GuestUsageError `ERR_GUEST_USAGE` without an endpoint; GuestArchitectureError, GuestStubError; the errors of the
 * transport, of QMP and of the GDB client. An AggregateError of one of these and GuestRunStateError `ERR_GUEST_NOT_RESTORED` where
 * the guest may have been left paused.
 * @public
 */
export async function attach(options: AttachOptions): Promise<Guest> {
  const { unneeded = {} } = options;
  const openedMs = nowMs();
  const link = await openLink(options);
  try {
    const cpus = await link.firstCpus();
    if (options.process !== undefined) requireProcess(options.process, link, cpus);
    const qomPath = cpus[0]?.qomPath;
    const [processor, memory] = await Promise.all([
      link.firstProcessor(qomPath),
      prepareMemory(link, options.hostMemory !== false && unneeded.hostMemory !== true),
      unneeded.deviceState === true ? undefined : prepareDeviceState(link.monitor, qomPath),
    ]);
    return new Guest(link, cpus, processor, options, memory, openedMs);
  } catch (error) {
    return await leaveAfter(error, () => link.release());
  }
}

async function openLink(options: AttachOptions): Promise<Link> {
  if (options.qmp !== undefined) return QmpLink.open(options.qmp, options);
  const { gdb, process: pid } = options;
  if (gdb !== undefined) return StubLink.open(gdb, options, pid === undefined ? {} : requireOwnStub(pid, gdb));
  throw new GuestUsageError('there is neither a QMP endpoint nor a GDB endpoint to attach to');
}

/**
 * Attaches, pauses, runs `use`, and leaves the guest as it was found: one pause, whatever happens.
 *
 * @public
 */
export async function withPausedGuest<T>(
  options: AttachOptions,
  use: (paused: GuestView, guest: Guest) => Promise<T>,
): Promise<T> {
  const guest = await attach(options);
  let result: T;
  try {
    result = await use(await guest.pause(), guest);
  } catch (error) {
    return await leaveAfter(error, () => guest.detach());
  }
  await guest.detach();
  return result;
}
