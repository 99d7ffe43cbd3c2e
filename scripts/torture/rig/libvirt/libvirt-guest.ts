import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { TortureError } from '../../torture-error.ts';
import { chardevsOf, type ExaminedGuest, type GuestStanding } from '../examined-guest.ts';
import { GuestPages } from '../guest-pages.ts';
import { eventually } from '../patience.ts';
import { healStub, inspectStub, type StubPlace } from '../raw/inspected-stub.ts';
import { RawMonitor } from '../raw/raw-monitor.ts';
import { LibvirtDaemon } from './libvirt-daemon.ts';

const START_WITHIN_MS = 60_000;

/** The domain of a libvirt of its own, with a witness that libvirt knows nothing of. */
export class LibvirtGuest implements ExaminedGuest, AsyncDisposable {
  readonly libvirt: LibvirtDaemon;
  readonly qemuPid: number;
  readonly monitor: RawMonitor;
  readonly pages: GuestPages;

  private constructor(libvirt: LibvirtDaemon, qemuPid: number, monitor: RawMonitor, pages: GuestPages) {
    this.libvirt = libvirt;
    this.qemuPid = qemuPid;
    this.monitor = monitor;
    this.pages = pages;
  }

  static async start(): Promise<LibvirtGuest> {
    const libvirt = await LibvirtDaemon.start({ isJudged: true });
    try {
      const { qemuPid, shared } = libvirt;
      if (qemuPid === undefined) throw new TortureError('there is no QEMU of the domain');
      const said = (): string => readFileSync(join(shared, 'console'), 'latin1');
      const until = async (text: string, from = 0): Promise<void> => {
        const came = await eventually(() => said().slice(from).includes(text), START_WITHIN_MS);
        if (came === undefined) throw new TortureError(`the guest did not say "${text}" but: ${said().slice(-300)}`);
      };
      await until('ready long4\n');
      const monitor = await RawMonitor.open(join(shared, 'witness'));
      const pages = await GuestPages.learn(memoryOf(qemuPid), () => until('tick ', said().length));
      return new LibvirtGuest(libvirt, qemuPid, monitor, pages);
    } catch (error) {
      await libvirt[Symbol.asyncDispose]();
      throw error;
    }
  }

  get endpoint(): string {
    return this.libvirt.endpoint;
  }

  /** Descriptors that QEMU was handed, and has not been told to remove. */
  async standing(): Promise<GuestStanding> {
    const sets = (await this.monitor.execute('query-fdsets')) as { 'fdset-id': number; fds: unknown[] }[];
    const runState = await this.monitor.runState();
    // Of a guest that is paused QEMU removes none.
    const left = runState === 'running' ? sets.map((set) => `descriptors ${JSON.stringify(set)}`) : [];
    return { runState, chardevs: [...(await chardevsOf(this.monitor)), ...left] };
  }

  inspectStub(): Promise<readonly string[]> {
    return inspectStub(this.monitor, this.#place);
  }

  async bring(to: 'running' | 'paused'): Promise<void> {
    await this.monitor.execute(to === 'running' ? 'cont' : 'stop');
  }

  async heal(): Promise<void> {
    for (const { label } of (await this.monitor.execute('query-chardev')) as { label: string }[]) {
      if (!label.startsWith('pagewalk')) continue;
      await this.monitor.hmp('gdbserver none');
      await this.monitor.execute('chardev-remove', { id: label }).catch(() => {});
    }
    await healStub(this.monitor, this.#place);
    this.pages.putBack();
    await this.monitor.execute('cont');
    await this.forgetDescriptors();
  }

  /** Of a guest that runs: what looks at it have left while it was paused, as QEMU removes no descriptor then. */
  async forgetDescriptors(): Promise<void> {
    for (const set of (await this.monitor.execute('query-fdsets')) as { 'fdset-id': number }[])
      await this.monitor.execute('remove-fd', { 'fdset-id': set['fdset-id'] }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]();
    await this.libvirt[Symbol.asyncDispose]();
  }

  get #place(): StubPlace {
    return { path: join(this.libvirt.shared, 'inspection'), isThere: false };
  }
}

/** The file without a name that is the domain's memory. */
function memoryOf(pid: number): string {
  const folder = `/proc/${pid}/fd`;
  const name = readdirSync(folder).find((each) => readlinkSync(join(folder, each)).startsWith('/memfd:'));
  if (name === undefined) throw new TortureError('the memory of the domain has no descriptor');
  return join(folder, name);
}
