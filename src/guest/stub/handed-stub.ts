import {
  findThread,
  handStream,
  parseGdbserverOutput,
  type QmpClient,
  removeHandedStream,
} from '../../../protocols/qmp/internal.ts';
import { type DescriptorCarrier, type HandedStream, randomDigits } from '../../../protocols/transport/internal.ts';
import { GuestStubError } from '../errors.ts';

/** A name that no other client's device has. @internal */
export function newHandedId(): string {
  return `pagewalk-${randomDigits()}`;
}

/**
 * A GDB stub on a connection whose other end was handed over: no path has to lead to the same place for QEMU and us. It is a character
 * device while the guest runs, and becomes the stub in the pause, as QEMU pauses for a stub that has its client.
 *
 * @internal
 */
export class HandedStub {
  /** Of the character device. */
  readonly id: string;
  readonly #qmp: QmpClient;
  readonly #carrier: DescriptorCarrier;
  #waiting: HandedStream | undefined;
  #endpoint = '';
  /** QEMU may have something that was handed over. */
  #isThere = false;
  /** The device is the stub, or was. */
  #isStub = false;

  constructor(qmp: QmpClient, carrier: DescriptorCarrier, id: string) {
    this.#qmp = qmp;
    this.#carrier = carrier;
    this.id = id;
  }

  /** For messages: no one else gets there by it. Empty until something was handed over. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** QEMU has, or may have, what has to be taken back. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /**
   * Hands a connection over, which disturbs no guest.
   *
   * @returns our end of it, and how its other end is found
   * @throws QmpCommandError where no descriptors are taken; ConnectError. Then nothing of it is left in QEMU, unless `isThere` says so.
   */
  async prepare(): Promise<HandedStream> {
    if (this.#waiting !== undefined) return this.#waiting;
    const handed = await this.#carrier.makeStream(() => findThread(this.#qmp));
    const { connection } = handed;
    try {
      this.#isThere = true;
      await handStream(this.#qmp, this.id, handed);
      this.#waiting = handed;
      this.#endpoint = connection.endpoint;
      return handed;
    } catch (error) {
      await connection.close();
      // QEMU may have taken the descriptor, and refused to make a device of it; or have taken all, and answered too late.
      await this.#takeBack().catch(() => {});
      throw error;
    }
  }

  /**
   * Makes the device a stub. The guest must be paused.
   *
   * @throws GuestStubError `ERR_GUEST_STUB_START`.
   */
  async connect(): Promise<HandedStream['connection']> {
    // A connection that has failed: its stub goes first.
    if (this.#isStub) await this.#takeBack();
    const { connection } = await this.prepare();
    this.#waiting = undefined;
    this.#isStub = true;
    const outcome = parseGdbserverOutput(await this.#qmp.hmp(`gdbserver chardev:${this.id}`));
    if (outcome.kind === 'listening') return connection;
    this.#isStub = false;
    await connection.close();
    throw new GuestStubError(
      'ERR_GUEST_STUB_START',
      this.id,
      `QEMU behind ${this.#qmp.endpoint} would not start a GDB stub: ${'problem' in outcome ? outcome.problem : outcome.kind}. Start one by hand and pass --gdb`,
    );
  }

  /** Takes the stub and its device away. The run state does not change. */
  async remove(): Promise<void> {
    await this.#takeBack();
    await this.#waiting?.connection.close();
    this.#waiting = undefined;
  }

  async #takeBack(): Promise<void> {
    await removeHandedStream(this.#qmp, this.id);
    this.#isStub = false;
    this.#isThere = false;
  }
}
