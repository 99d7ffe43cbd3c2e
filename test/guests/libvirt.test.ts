import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { LibvirtDaemon } from '../../scripts/torture/rig/libvirt/libvirt-daemon.ts';
import { attach } from '../../src/guest/index.ts';
import { type PagewalkExit, runPagewalk } from '../support/live/run-pagewalk.ts';
import { untilPasses } from '../support/until-passes.ts';

/** Of long4: a user page, at 0x120000. */
const ADDRESS = '0xffff800000000123';
const ANSWER = '0xffff800000000123  0x120123  4K  rwxu\n';
const PATH = process.env['PATH'] ?? '';

describe('a guest of libvirt, by hand', function () {
  this.timeout(300_000);

  let started: LibvirtDaemon | undefined;
  let libvirt: LibvirtDaemon;

  before(async () => {
    libvirt = await LibvirtDaemon.start();
    started = libvirt;
    await untilPasses(async () => expect((await translate()).stdout).to.equal(ANSWER), 60_000);
  });

  after(() => started?.[Symbol.asyncDispose]());

  const environment = (): Record<string, string> => ({ PATH, LANG: 'C' });
  const translate = (...more: string[]): Promise<PagewalkExit> =>
    runPagewalk(['translate', ADDRESS, '--brief', '--qmp', libvirt.endpoint, ...more], environment());

  async function expectAsFound(): Promise<void> {
    expect(await libvirt.state()).to.equal('running');
    const chardevs = (await libvirt.ask('query-chardev')) as { label: string }[];
    expect(chardevs.filter(({ label }) => label.startsWith('pagewalk'))).to.deep.equal([]);
  }

  it('stays paused where it was', async () => {
    await libvirt.virsh('suspend', libvirt.domain);
    try {
      expect((await translate()).stdout).to.equal(ANSWER);
      expect(await libvirt.state()).to.equal('paused');
    } finally {
      await libvirt.virsh('resume', libvirt.domain);
    }
    await expectAsFound();
  });

  it('that another client resumes in the middle gives no torn answer', async () => {
    const guest = await attach({ qmp: libvirt.endpoint });
    try {
      const paused = await guest.pause();
      await libvirt.virsh('resume', libvirt.domain);
      await untilPasses(async () => expect(await guest.findResumption()).to.include({ code: 'ERR_GUEST_RESUMED' }));
      const request = { linearAddress: 0xffff_8000_0000_0123n, access: { write: false, user: false, exec: false } };
      await paused.translate([request]).then(
        () => expect.fail('the pause is over'),
        () => {},
      );
    } finally {
      await guest.detach();
    }
    await expectAsFound();
  });

  it('is in the list of guests, its monitor is told to be libvirtd’s, and no libvirt is named that has no record of it', async () => {
    const { stdout } = await runPagewalk(['guests', '--json'], environment());
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ name }) => name === libvirt.domain);
    // This libvirtd has its records where only it sees them.
    expect(found.libvirt).to.equal(null);
    const [monitor] = found.channels;
    expect(monitor).to.deep.include({ purpose: 'qmp', state: 'held' });
    expect(monitor.holder.program).to.equal('libvirtd');
    const { status, stderr } = await runPagewalk(
      ['state', '--qmp', monitor.endpoint, '--timeout', '500'],
      environment(),
    );
    expect(status).to.equal(3);
    expect(stderr).to.match(/is held by libvirtd \(\d+\), and serves one client at a time/);
  });

  it("is asked through libvirt's proxy, which takes one command at a time", async () => {
    const socket = join(libvirt.directory, 'proxy.qmp');
    // Behind the proxy QEMU is out of sight, and so is its user, who could not enter a folder of ours.
    const stub = `/tmp/pagewalk-proxy-${process.pid}.gdb`;
    const start = `gdbserver unix:${stub},server=on,wait=off`;
    await libvirt.virsh('qemu-monitor-command', libvirt.domain, '--hmp', start);
    // Debian's Python has libvirt's module; another one that comes first in PATH has not.
    const words = ['/usr/bin/virt-qemu-qmp-proxy', '-c', libvirt.uri, libvirt.domain, socket];
    const proxy = spawn('/usr/bin/python3', words, { stdio: 'ignore' });
    try {
      await untilPasses(async () => expect(existsSync(socket)).to.equal(true), 20_000);
      const { stdout, stderr } = await runPagewalk(
        ['translate', ADDRESS, '--brief', '--timeout', '20000', '--qmp', `unix:${socket}`, '--gdb', `unix:${stub}`],
        environment(),
      );
      expect(stdout, stderr).to.equal(`${ANSWER.trimEnd()}  ?PKRU\n`);
    } finally {
      proxy.kill('SIGKILL');
      if (proxy.exitCode === null && proxy.signalCode === null) await once(proxy, 'exit');
      await libvirt.virsh('qemu-monitor-command', libvirt.domain, '--hmp', 'gdbserver none');
    }
    await expectAsFound();
  });
});
