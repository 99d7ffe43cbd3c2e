import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import { relative } from 'node:path';
import { expect } from 'chai';
import { QmpClient } from '../../../protocols/qmp/index.ts';
import { findPeer } from '../../../src/guest/peer/find-peer.ts';
import type { Peer } from '../../../src/guest/peer/peer.ts';
import { formatCause } from '../../../src/report/index.ts';
import { launchQemu } from '../../../src/testing/index.ts';
import { OTHER_UID, QemuOfAnotherUser } from '../../support/live/peer/other-user.ts';
import { RawQmp } from '../../support/live/peer/raw-qmp.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { TCP_MONITOR, tcpMonitorPort } from '../../support/live/reach/tcp-monitor.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** The peer of a monitor that has greeted us. */
async function peerOf(endpoint: string): Promise<Peer> {
  const qmp = await QmpClient.connect(endpoint);
  try {
    return findPeer(qmp.connection);
  } finally {
    await qmp.close();
  }
}

async function whyUnknown(endpoint: string): Promise<string> {
  const peer = await peerOf(endpoint);
  expect(peer.kind, JSON.stringify(peer)).to.equal('unknown');
  return peer.kind === 'unknown' ? formatCause(peer.cause) : '';
}

/** Speaks as much QMP as a greeting takes, as another user, on a socket that it binds by this name in this directory. */
async function startImpostor(directory: string, name: string): Promise<ChildProcess> {
  const program = `
    require('node:net').createServer((socket) => {
      socket.write('{"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":10},"package":""},"capabilities":[]}}\\n');
      socket.on('data', (text) => socket.write('{"return":{},"id":' + JSON.parse(text).id + '}\\n'));
    }).listen(${JSON.stringify(name)}, () => console.log('listens'));`;
  const as = ['--reuid', String(OTHER_UID), '--regid', String(OTHER_UID), '--clear-groups'];
  const child = spawn('setpriv', [...as, process.execPath, '-e', program], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout) await once(child.stdout, 'data');
  return child;
}

describe('the process behind a connection', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();

  it('is the QEMU that holds the unix socket, whatever the name that leads there', async () => {
    await using guest = await launchQemu({ paused: true });
    await using _another = await launchQemu({ paused: true });
    const expected = { kind: 'process', pid: guest.pid, uid: process.geteuid?.() };
    const path = guest.qmpEndpoint.replace('unix:', '');
    await symlink(path, scratch('link'));
    for (const name of [path, scratch('link'), relative(process.cwd(), path)]) {
      expect(await peerOf(name)).to.include(expected);
    }
  });

  it('is found by each of two guests that bound their sockets by the same relative name', async () => {
    await mkdir(scratch('one'));
    await mkdir(scratch('two'));
    const here = process.cwd();
    const extraArgs = ['-qmp', 'unix:same.sock,server=on,wait=off'];
    try {
      process.chdir(scratch('one'));
      await using one = await launchQemu({ paused: true, extraArgs });
      process.chdir(scratch('two'));
      await using two = await launchQemu({ paused: true, extraArgs });
      expect(await peerOf(scratch('one/same.sock'))).to.include({ kind: 'process', pid: one.pid });
      expect(await peerOf(scratch('two/same.sock'))).to.include({ kind: 'process', pid: two.pid });
    } finally {
      process.chdir(here);
    }
  });

  it('is found at a GDB stub as well', async () => {
    await using guest = await launchQemu({ paused: true });
    expect(await peerOf(guest.witnessEndpoint)).to.include({ kind: 'process', pid: guest.pid });
  });

  it('is found by the very connection over TCP', async () => {
    await using _other = await launchQemu({ paused: true });
    await using guest = await launchQemu({ paused: true, extraArgs: TCP_MONITOR });
    expect(await peerOf(`tcp:localhost:${await tcpMonitorPort(guest)}`)).to.include({
      kind: 'process',
      pid: guest.pid,
    });
  });

  it('is found while other guests come and go', async () => {
    // By its name a QEMU, with sockets, and soon gone.
    const fleeting = scratch('qemu-fleeting');
    await copyFile('/bin/sleep', fleeting);
    await using guest = await launchQemu({ paused: true });
    const qmp = await QmpClient.connect(guest.qmpEndpoint);
    const causes = new Set<string>();
    try {
      for (let round = 0; round < 150; round += 1) {
        const others = [1, 2, 3].map((ms) =>
          once(spawn(fleeting, [`0.00${(round + ms) % 7}`], { stdio: 'pipe' }), 'exit'),
        );
        for (let look = 0; look < 3; look += 1) {
          const peer = findPeer(qmp.connection);
          causes.add(peer.kind === 'unknown' ? JSON.stringify(peer.cause) : peer.kind);
        }
        await Promise.all(others);
      }
    } finally {
      await qmp.close();
    }
    expect([...causes]).to.deep.equal(['process']);
  });

  it('may belong to another user', async () => {
    await using program = await QemuOfAnotherUser.make();
    await using guest = await launchQemu({ paused: true, binary: program.binary });
    expect(await peerOf(guest.qmpEndpoint)).to.include({ kind: 'process', pid: guest.pid, uid: OTHER_UID });
  });

  it('stays unknown behind a proxy, and the reason names the program', async () => {
    await using guest = await launchQemu({ paused: true });
    await using proxy = await StallingProxy.before(guest.qmpEndpoint);
    expect(await whyUnknown(proxy.endpoint)).to.match(/^no QEMU|held by .*, which is no QEMU/);
  });

  it('stays unknown behind a command', async () => {
    await using guest = await launchQemu({ paused: true });
    const relay = `${process.execPath} -e "const s = require('node:net').connect('${guest.qmpEndpoint.replace('unix:', '')}'); process.stdin.pipe(s).pipe(process.stdout)"`;
    expect(await whyUnknown(`exec:${relay}`)).to.match(/through a command/);
  });

  // The socket of a QEMU is replaced by another user's, who may write to the directory that it lies in. QEMU has a client, so
  // that all its sockets are as they would be if it were the peer.
  for (const name of ['absolute', 'relative'] as const) {
    it(`is not the QEMU that bound the same name before, when another user binds it anew (${name})`, async () => {
      await using guest = await launchQemu({ paused: true });
      await using _client = await RawQmp.open(guest.qmpEndpoint);
      const path = guest.qmpEndpoint.replace('unix:', '');
      await rm(path);
      await chmod(guest.directory, 0o777);
      const impostor = await startImpostor(guest.directory, name === 'absolute' ? path : 'qmp.sock');
      try {
        const gone = once(impostor, 'exit');
        expect(await whyUnknown(guest.qmpEndpoint)).to.match(/no QEMU|another process|another user/);
        impostor.kill();
        await gone;
      } finally {
        impostor.kill();
      }
    });
  }
});
