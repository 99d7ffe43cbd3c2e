import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect } from 'chai';
import type * as z from 'zod';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { expectAll, withOwnFolders, writeQemuWithin } from '../../support/live/peer/qemu-within.ts';
import { TCP_MONITOR } from '../../support/live/reach/tcp-monitor.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { guestLineSchema } from '../../support/schemas/guest-schema.ts';

type Listed = z.infer<typeof guestLineSchema>;

async function listAll(words: readonly string[] = []): Promise<ReadonlyMap<number, Listed>> {
  const { status, stdout, stderr } = await runPagewalk(['guests', '--json', ...words], {
    PATH: process.env['PATH'] ?? '',
  });
  expect(status, stderr).to.equal(0);
  const lines = stdout.trim().split('\n');
  return new Map(lines.map((line) => guestLineSchema.parse(JSON.parse(line))).map((guest) => [guest.pid, guest]));
}

async function listed(pid: number): Promise<Listed> {
  return oneOf(await listAll(), pid);
}

function oneOf(guests: ReadonlyMap<number, Listed>, pid: number): Listed {
  const guest = guests.get(pid);
  if (guest === undefined) throw new Error(`${pid} is not in the list: ${[...guests.keys()].join(', ')}`);
  return guest;
}

/** A helper on this host, as short as one can be. */
const HERE = 'env';

/** Behaves as the stub of QEMU 10, which does not greet; and keeps the connection of its first client. */
const SILENT_STUB = `
  const packet = (text) => '$' + text + '#' + (Buffer.from(text).reduce((sum, byte) => sum + byte, 0) & 255).toString(16).padStart(2, '0');
  const hex = (text) => Buffer.from(text).toString('hex');
  const said = { 'info status': 'VM status: paused\\n', 'info version': '10.0.2\\n' };
  const answer = (payload) => {
    if (payload.startsWith('qSupported')) return packet('PacketSize=1000;qXfer:features:read+');
    if (payload === 'qqemu.Supported') return packet('PhyMemMode');
    if (!payload.startsWith('qRcmd,')) return packet('');
    const command = Buffer.from(payload.slice(6), 'hex').toString();
    if (command === 'cont') console.log(command);
    return (said[command] === undefined ? '' : packet('O' + hex(said[command]))) + packet('OK');
  };
  let clients = 0;
  require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    if (clients++ === 0) return;
    socket.on('data', (bytes) => {
      for (const [, payload] of String(bytes).matchAll(/\\$([^#]*)#../g)) socket.write('+' + answer(payload));
    }).on('end', () => socket.end());
  }).listen(process.env.STUB, () => console.log('listens'));`;

describe('the guests of this host', function () {
  this.timeout(120_000);
  const scratch = useScratchDirectory();

  it('are found with their sockets and with who holds them, and reached by name and by process id', async () => {
    const name = `pagewalk-test-${process.pid}`;
    await using guest = await launchKernel('long4', { extraArgs: ['-name', `guest=${name},debug-threads=on`] });
    await using witness = await Witness.of(guest);
    const found = await listed(guest.pid);
    expect(found).to.deep.include({ name, uid: process.getuid?.(), accelerator: 'tcg', libvirt: null, innerPid: null });
    expect(found.otherNamespaces).to.deep.equal([]);
    const [qmp, second, gdb] = found.channels;
    expect(qmp).to.deep.include({ purpose: 'qmp', endpoint: guest.qmpEndpoint, state: 'free', holder: null });
    expect(second).to.deep.include({ purpose: 'qmp', state: 'held' });
    expect(second?.holder?.pid).to.equal(process.pid);
    expect(gdb).to.deep.include({ purpose: 'gdb', endpoint: guest.gdbEndpoint, state: 'free' });
    expect(found.qmp).to.equal(guest.qmpEndpoint);
    for (const wanted of [name, String(guest.pid)]) {
      const { status, stdout, stderr } = await runPagewalk(['translate', '0x1000', '--brief', '--guest', wanted]);
      expect(status, stderr).to.be.oneOf([0, 1]);
      expect(stdout).to.match(/^0x0000000000001000 /);
    }
    expect(await witness.runState()).to.equal('running');
  });

  it('of another host are found by a helper there as that host finds them, and reached by it', async () => {
    const name = `pagewalk-far-${process.pid}`;
    const binary = await writeQemuWithin(scratch('qemu-far'), withOwnFolders('--net'));
    const extraArgs = [...TCP_MONITOR, '-name', `guest=${name},debug-threads=on`];
    await using near = await launchKernel('long4', { extraArgs });
    await using inside = await launchKernel('long4', { binary, gdb: false });
    await using witness = await Witness.of(near);
    const [here, there] = [await listAll(), await listAll(['--host', HERE])];
    const far = (endpoint: string | null): string | null => endpoint && `host:[${HERE}]${endpoint}`;
    for (const { pid } of [near, inside]) {
      const { channels, qmp, gdb, ...facts } = oneOf(here, pid);
      expect(oneOf(there, pid)).to.deep.equal({
        ...facts,
        channels: channels.map((each) => ({ ...each, endpoint: far(each.endpoint) })),
        qmp: far(qmp),
        gdb: far(gdb),
      });
    }
    expect(oneOf(there, near.pid).channels.map(({ holder }) => holder?.pid)).to.include(process.pid);
    const { stops } = witness;
    const words = ['translate', '0x1000', '--brief', '--guest', name, '--host', HERE];
    const { status, stdout, stderr } = await runPagewalk(words, { PATH: process.env['PATH'] ?? '' });
    expect(status, stderr).to.be.oneOf([0, 1]);
    expect(stdout).to.match(/^0x0000000000001000 /);
    expect(await witness.runState()).to.equal('running');
    expect(witness.stops).to.equal(stops + 1);
    const none = await runPagewalk(['state', '--guest', 'no such guest', '--host', HERE], {
      PATH: process.env['PATH'] ?? '',
    });
    expect(none.stderr).to.include('no QEMU of that host').and.to.include(name);
    const gone = await runPagewalk(['guests', '--host', 'exit 7;']);
    expect(gone.status).to.equal(3);
    expect(gone.stderr).to.include('the helper there is gone: it ended with status 7');
  });

  it('are reached by their free monitor alone, and one that is held is told with its holder', async () => {
    await using guest = await launchKernel('long4', { gdb: false });
    await using witness = await Witness.of(guest);
    const client = connect(guest.qmpEndpoint.slice('unix:'.length));
    try {
      await once(client, 'data');
      const found = await listed(guest.pid);
      expect(found).to.deep.include({ qmp: null, gdb: null });
      const { status, stderr } = await runPagewalk(['state', '--guest', String(guest.pid)], {
        PATH: process.env['PATH'] ?? '',
      });
      expect(status).to.equal(3);
      expect(stderr).to.match(new RegExp(`the monitor of QEMU ${guest.pid} .* is held by node \\(${process.pid}\\)`));
    } finally {
      client.destroy();
      await once(client, 'close');
    }
    expect(await witness.runState()).to.equal('running');
  });

  it('are not asked live where only a stub is reached: connecting to it would pause them', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const client = connect(guest.qmpEndpoint.slice('unix:'.length));
    try {
      await once(client, 'data');
      const { stops } = witness;
      const { status, stderr } = await runPagewalk(['translate', '0x1000', '--live', '--guest', String(guest.pid)], {
        PATH: process.env['PATH'] ?? '',
      });
      expect(status, stderr).to.equal(2);
      expect(stderr).to.include('only its GDB stub is reached').and.to.include(guest.gdbEndpoint);
      expect(witness.stops).to.equal(stops);
    } finally {
      client.destroy();
      await once(client, 'close');
    }
  });

  it('whose stub is given as the monitor run on, also where the stub says nothing and has a client', async () => {
    await copyFile(process.execPath, scratch('qemu-system-x86_64'));
    const path = scratch('stub');
    const qemu = spawn(scratch('qemu-system-x86_64'), ['-e', SILENT_STUB, '--', '-gdb', `unix:${path},server=on`], {
      env: { STUB: path },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(qemu.stdout, 'data');
      const resumed = once(qemu.stdout, 'data');
      const { status, stderr } = await runPagewalk(['state', '--qmp', `unix:${path}`, '--timeout', '500'], {
        PATH: process.env['PATH'] ?? '',
      });
      expect(status).to.equal(3);
      expect(stderr).to.include('is a GDB stub. Connecting to it paused the guest, which has been resumed');
      expect(String(await resumed)).to.equal('cont\n');
    } finally {
      qemu.kill();
      await once(qemu, 'close');
    }
  });

  it('in a container, with folders and a network of their own, give all there is', async () => {
    const binary = await writeQemuWithin(scratch('qemu-within'), withOwnFolders('--net'));
    await using guest = await launchKernel('long4', { binary, gdb: false });
    await using witness = await Witness.of(guest);
    const found = await listed(guest.pid);
    expect(found.otherNamespaces).to.deep.equal(['mnt', 'net']);
    expect(found.channels[1]).to.deep.include({ purpose: 'qmp', state: 'held' });
    await expectAll(guest.qmpEndpoint);
    expect(await witness.runState()).to.equal('running');
  });

  it('are none where no QEMU runs, and that is told of', async () => {
    const host = ['--host', 'unshare --pid --fork --mount-proc'];
    const [text, json] = [await runPagewalk(['guests', ...host]), await runPagewalk(['guests', '--json', ...host])];
    expect([text.status, text.stdout]).to.deep.equal([1, '']);
    expect(text.stderr).to.equal('pagewalk: no QEMU runs on that host, as far as its user may see\n');
    expect(json).to.deep.include({ status: 1, stdout: '', stderr: '' });
  });

  it('that do not exist, or share a name, are refused with what there is', async () => {
    const extraArgs = ['-name', `twins-${process.pid}`];
    await using one = await launchKernel('long4', { extraArgs });
    await using other = await launchKernel('long4', { extraArgs });
    const missing = await runPagewalk(['state', '--guest', 'no such guest']);
    expect(missing.stderr).to.include('no QEMU of this host').and.to.include(`"twins-${process.pid}" (${one.pid})`);
    const twins = await runPagewalk(['state', '--guest', `twins-${process.pid}`]);
    expect(twins.stderr).to.include(`take the process id`).and.to.include(String(other.pid));
    const both = await runPagewalk(['state', '--guest', 'a', '--qmp', 'b']);
    expect(both.status).to.equal(2);
  });
});
