import { type ChildProcess, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { chmod, chown, copyFile } from 'node:fs/promises';
import { Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { connect } from '../../../protocols/transport/index.ts';
import { findPeer } from '../../../src/guest/peer/find-peer.ts';
import { formatCause } from '../../../src/report/index.ts';
import { tolerate } from '../../support/leak-hooks.ts';
import { OTHER_UID } from '../../support/live/peer/other-user.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Listens, and hands the first connection over, and then the socket with it: who holds that accepts the next one. */
const GIVER = `
  process.on('disconnect', () => process.exit());
  const { createServer } = require('node:net');
  const server = createServer((socket) =>
    process.send('connection', socket, () => process.send('listener', server)));
  server.listen(process.argv[1], () => process.send('listens'));`;
/** Keeps what it is given. */
const TAKER =
  'process.on("disconnect", () => process.exit()); const kept = []; process.on("message", (what, handle) => { kept.push(handle); process.send(what); });';

function start(program: string, words: readonly string[]): ChildProcess {
  return spawn(program, [...words], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

/** Passes what one process sends on to the other, until that has it. */
async function pass(messages: AsyncIterator<unknown>, taker: ChildProcess): Promise<void> {
  const { value } = await messages.next();
  const [what, handle] = value as [string, Server | Socket];
  const taken = once(taker, 'message');
  taker.send(what, handle);
  await taken;
  // What was passed on stays open here, too.
  if (handle instanceof Server) handle.close();
  else handle.destroy();
}

async function end(...processes: readonly ChildProcess[]): Promise<void> {
  for (const child of processes) {
    if (child.connected) child.disconnect();
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

describe('sockets that were handed over to a process', function () {
  this.timeout(30_000);
  const scratch = useScratchDirectory();

  before(async () => {
    // Node 20 keeps a handle of each connection that one child hands to another by way of this process.
    tolerate(3);
    await chmod(scratch('.'), 0o777);
    await copyFile(process.execPath, scratch('qemu-victim'));
  });

  for (const [title, owner, reason] of [
    ['another user, whose the socket file is', OTHER_UID, /^no QEMU|that belongs to another user than the socket$/],
    // As if root had made the socket, for a QEMU that dropped root's rights (-runas).
    ['another user, though the socket file is root’s', 0, /made by another user/],
  ] as const) {
    it(`do not make it the peer: ${title}`, async () => {
      const path = scratch(`socket-${owner}`);
      const taker = start(scratch('qemu-victim'), ['-e', TAKER]);
      const as = ['--reuid', String(OTHER_UID), '--regid', String(OTHER_UID), '--clear-groups'];
      const giver = start('setpriv', [...as, process.execPath, '-e', GIVER, path]);
      const messages = on(giver, 'message');
      try {
        await messages.next();
        await chown(path, owner, owner);
        const connection = await connect(`unix:${path}`, { timeoutMs: 5000 });
        await pass(messages, taker);
        await pass(messages, taker);
        const gone = once(giver, 'exit');
        giver.kill();
        await gone;
        const peer = findPeer(connection);
        expect(peer).to.include({ kind: 'unknown' });
        expect(peer.kind === 'unknown' && formatCause(peer.cause)).to.match(reason);
        await connection.close();
      } finally {
        await end(giver, taker);
      }
    });
  }

  it('make it the peer if its own user made them', async () => {
    const path = scratch('socket-own');
    const taker = start(scratch('qemu-victim'), ['-e', TAKER]);
    const giver = start(process.execPath, ['-e', GIVER, path]);
    const messages = on(giver, 'message');
    try {
      await messages.next();
      const connection = await connect(`unix:${path}`, { timeoutMs: 5000 });
      await pass(messages, taker);
      await pass(messages, taker);
      const gone = once(giver, 'exit');
      giver.kill();
      await gone;
      const peer = findPeer(connection);
      const why = peer.kind === 'unknown' ? formatCause(peer.cause) : '';
      expect(peer, why).to.include({ kind: 'process', pid: taker.pid });
      await connection.close();
    } finally {
      await end(giver, taker);
    }
  });
});
