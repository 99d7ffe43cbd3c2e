import { accessSync, constants } from 'node:fs';
import { parseGdbserverOutput, type QmpClient, queryChardev } from '../../../protocols/qmp/index.ts';
import { formatEndpoint } from '../../../protocols/transport/index.ts';
import { GuestStubError } from '../errors.ts';
import { STUB_LABEL } from '../found/chardev-labels.ts';
import type { PrivateDirectory } from '../restore/private-directory.ts';
import type { Safekeeping } from '../restore/safekeeping.ts';

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

  /** @throws {@link GuestStubError} `ERR_GUEST_STUB_START`, with QEMU's words as its message. */
  static async start(qmp: QmpClient, safekeeping: Safekeeping, directory: PrivateDirectory): Promise<OwnStub> {
    const path = directory.pathInQemu('gdb');
    // Known first: a killed client's stub is removed by the client that finds it.
    safekeeping.note({ ownStub: true });
    const outcome = parseGdbserverOutput(await qmp.hmp(`gdbserver ${quoteForMonitor(listener(path))}`));
    if (outcome.kind !== 'listening') {
      safekeeping.note({ ownStub: false });
      throw new GuestStubError(
        'ERR_GUEST_STUB_START',
        path,
        `QEMU: ${'problem' in outcome ? outcome.problem : outcome.kind}`,
      );
    }
    const stub = new OwnStub(qmp, directory.pathOf('gdb'), path);
    try {
      // Now, while the guest runs: what root's QEMU makes is root's, wherever that is.
      accessSync(directory.pathOf('gdb'), constants.W_OK);
    } catch (error) {
      await stub.remove();
      safekeeping.note({ ownStub: false });
      throw new GuestStubError(
        'ERR_GUEST_STUB_START',
        path,
        `QEMU's socket is closed to us: ${(error as Error).message}`,
      );
    }
    return stub;
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
