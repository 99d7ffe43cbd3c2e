import type { QemuProcess } from '../../../../src/testing/index.ts';
import { RawQmp } from '../peer/raw-qmp.ts';

/**
 * What QEMU says about a guest to another client than pagewalk: a second monitor, spoken to by the least client there is.
 */
export class Witness implements AsyncDisposable {
  readonly #qmp: RawQmp;

  private constructor(qmp: RawQmp) {
    this.#qmp = qmp;
  }

  static async of(guest: QemuProcess): Promise<Witness> {
    return new Witness(await RawQmp.open(guest.witnessEndpoint));
  }

  /** How often the guest was paused since this witness came, up to its last answer. */
  get stops(): number {
    return this.#qmp.events.filter((name) => name === 'STOP').length;
  }

  async runState(): Promise<string> {
    return ((await this.#qmp.execute('query-status')) as { status: string }).status;
  }

  async hmp(command: string): Promise<string> {
    return (await this.#qmp.execute('human-monitor-command', { 'command-line': command })) as string;
  }

  /** Whether QEMU is of this version's series or an older one: some behaviour ended with 8.0. */
  async isUpTo([major, minor]: readonly [number, number]): Promise<boolean> {
    const { qemu } = (await this.#qmp.execute('query-version')) as { qemu: { major: number; minor: number } };
    return qemu.major < major || (qemu.major === major && qemu.minor <= minor);
  }

  /** An entry as `xp` shows it. */
  async entry(address: bigint, sizeBytes: 4 | 8): Promise<bigint> {
    const text = await this.hmp(`xp /1x${sizeBytes === 8 ? 'g' : 'w'} 0x${address.toString(16)}`);
    return BigInt(text.trim().split(/\s+/).at(-1) ?? '');
  }

  /** The labels of QEMU's character devices, each with its file name. */
  async chardevs(): Promise<readonly string[]> {
    const list = (await this.#qmp.execute('query-chardev')) as { label: string; filename: string }[];
    return list.map(({ label, filename }) => `${label} ${filename}`);
  }

  async execute(command: string, parameters?: Record<string, unknown>): Promise<unknown> {
    return this.#qmp.execute(command, parameters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#qmp[Symbol.asyncDispose]();
  }
}
