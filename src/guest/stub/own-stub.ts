import { parseGdbserverOutput, type QmpClient, queryChardev } from '../../../protocols/qmp/index.ts';
import { type Endpoint, formatEndpoint } from '../../../protocols/transport/index.ts';
import { GuestStubError } from '../errors.ts';
import { STUB_LABEL } from '../found/chardev-labels.ts';
import type { PrivateDirectory } from '../restore/private-directory.ts';
import type { Safekeeping } from '../restore/safekeeping.ts';
import { isLocal } from './stub-location.ts';

/**
 * A GDB stub that we started on a guest which had none, on a unix socket in a private directory, and that goes with us.
 * Starting one does not disturb the guest.
 *
 * @internal
 */
export class OwnStub {
  readonly endpoint: string;
  readonly #qmp: QmpClient;
  /** The same as QEMU names it. */
  readonly #inQemu: string;

  private constructor(qmp: QmpClient, path: string, inQemu: string) {
    this.#qmp = qmp;
    this.endpoint = formatEndpoint({ kind: 'unix', path });
    this.#inQemu = formatEndpoint({ kind: 'unix', path: inQemu });
  }

  /** @throws {@link GuestStubError} `ERR_GUEST_STUB_UNREACHABLE` for a QEMU elsewhere, `ERR_GUEST_STUB_START`. */
  static async start(
    qmp: QmpClient,
    monitor: Endpoint,
    safekeeping: Safekeeping,
    openDirectory: () => PrivateDirectory,
  ): Promise<OwnStub> {
    if (!isLocal(monitor)) {
      throw new GuestStubError(
        'ERR_GUEST_STUB_UNREACHABLE',
        '',
        `QEMU behind ${qmp.endpoint} has no GDB stub and is not on this host; start one there ("gdbserver tcp:127.0.0.1:1234") and say how to reach it with --gdb`,
      );
    }
    const directory = openDirectory();
    const path = directory.pathInQemu('gdb');
    // Known first: a killed client's stub is removed by the client that finds it.
    safekeeping.note({ ownStub: true });
    const outcome = parseGdbserverOutput(await qmp.hmp(`gdbserver ${quoteForMonitor(listener(path))}`));
    if (outcome.kind !== 'listening') {
      safekeeping.note({ ownStub: false });
      throw new GuestStubError(
        'ERR_GUEST_STUB_START',
        path,
        `QEMU behind ${qmp.endpoint} would not start a GDB stub: ${'problem' in outcome ? outcome.problem : outcome.kind}. Set TMPDIR to a folder where QEMU may make a socket and this program may use it, or start a stub by hand and pass --gdb`,
      );
    }
    return new OwnStub(qmp, directory.pathOf('gdb'), path);
  }

  /** Takes the stub and its socket away, unless another client has put one in its place. The run state does not change. */
  async remove(): Promise<void> {
    const stub = (await queryChardev(this.#qmp)).find(({ label }) => label === STUB_LABEL);
    if (stub === undefined || (stub.endpoint !== undefined && stub.endpoint !== this.#inQemu)) return;
    await this.#qmp.hmp('gdbserver none');
  }
}

/** QEMU's options are separated by commas, and a comma in a path is doubled. */
function listener(path: string): string {
  return `unix:${path.replaceAll(',', ',,')},server=on,wait=off`;
}

/** The human monitor takes its arguments apart at spaces; in quotes a backslash escapes. */
function quoteForMonitor(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
