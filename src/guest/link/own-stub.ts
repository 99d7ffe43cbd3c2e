import { join } from 'node:path';
import { parseGdbserverOutput } from '../../../protocols/qmp/index.ts';
import type { Endpoint } from '../../../protocols/transport/index.ts';
import { GuestStubError } from '../errors.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { makePrivateDirectory, type PrivateDirectory } from '../watchdog/private-directory.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';
import { isLocal } from './stub-location.ts';

/**
 * A GDB stub that we started on a guest which had none, on a unix socket in a private directory, and that goes with us.
 * Starting one does not disturb the guest.
 *
 * @internal
 */
export class OwnStub {
  readonly endpoint: string;
  readonly #monitor: Monitor;
  readonly #directory: PrivateDirectory;

  private constructor(monitor: Monitor, directory: PrivateDirectory, path: string) {
    this.#monitor = monitor;
    this.#directory = directory;
    this.endpoint = `unix:${path}`;
  }

  /** @throws {@link GuestStubError} `ERR_GUEST_STUB_UNREACHABLE` for a QEMU elsewhere, `ERR_GUEST_STUB_START`. */
  static async start(monitor: Monitor, qmp: Endpoint, watchdog: Watchdog): Promise<OwnStub> {
    if (!isLocal(qmp)) {
      throw new GuestStubError(
        'ERR_GUEST_STUB_UNREACHABLE',
        '',
        `QEMU behind ${monitor.endpoint} has no GDB stub and is not on this host; start one there ("gdbserver tcp:127.0.0.1:1234") and say how to reach it with --gdb`,
      );
    }
    const [cpu] = await monitor.listCpus();
    const directory = makePrivateDirectory(cpu?.threadId);
    const path = join(directory.path, 'gdb');
    // The watchdog must know first: it removes what a killed client leaves.
    await watchdog.arm({ ownStubDirectory: directory.path });
    const outcome = parseGdbserverOutput(await monitor.hmp(`gdbserver unix:${path},server=on,wait=off`));
    if (outcome.kind !== 'listening') {
      directory.remove();
      throw new GuestStubError(
        'ERR_GUEST_STUB_START',
        path,
        `QEMU behind ${monitor.endpoint} would not start a GDB stub: ${'problem' in outcome ? outcome.problem : outcome.kind}. Start it by hand and pass --gdb`,
      );
    }
    return new OwnStub(monitor, directory, path);
  }

  /** Takes the stub and its socket away. The run state does not change. */
  async remove(): Promise<void> {
    await this.#monitor.hmp('gdbserver none');
    this.#directory.remove();
  }

  /** QEMU is gone, and the stub with it. */
  forget(): void {
    this.#directory.remove();
  }
}
