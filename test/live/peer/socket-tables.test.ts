import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { findTcpSocket, readUnixSockets, type UnixSocket } from '../../../src/guest/peer/socket-tables.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

function ownSockets(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)];
    } catch {
      // The descriptor by which the directory is read.
      return [];
    }
  });
}

/** Has a socket, then one whose name repeats its row, then only the first until its input ends. It says each time that it is so. */
const FORGER = `
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
const [victim, path] = process.argv.slice(1);
const say = () => console.log('so');
const listening = createServer().listen(victim, say);
const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
const { value: inode } = await lines.next();
const row = '0000000000000000: 00000003 00000000 00000000 0001 03 ' + inode + ' _x';
const forged = createServer().listen(path + '\\n' + row, say);
await lines.next();
forged.close(say);
await lines.next();
listening.close();
`;

describe("the kernel's tables of sockets", () => {
  const scratch = useScratchDirectory();

  for (const [listening, named] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '127.0.0.1'],
  ] as const) {
    it(`show the far end of a TCP connection from ${named} to ${listening}`, async () => {
      const server = createServer().listen(0, listening);
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const accepted = once(server, 'connection');
      const client = connect(port, named);
      const [[far]] = (await Promise.all([accepted, once(client, 'connect')])) as unknown as [[Socket], unknown];
      const own = { address: client.localAddress ?? '', port: client.localPort ?? 0 };
      try {
        const found = findTcpSocket({ address: client.remoteAddress ?? '', port }, own);
        const ours = findTcpSocket(own, { address: client.remoteAddress ?? '', port });
        expect(found).to.include({ uid: process.geteuid?.() });
        expect(found?.inode).not.to.equal(ours?.inode);
        expect(ownSockets()).to.include(`socket:[${found?.inode}]`).and.to.include(`socket:[${ours?.inode}]`);
        expect(findTcpSocket({ address: named, port }, { ...own, port: 1 })).to.equal(undefined);
      } finally {
        client.destroy();
        far.destroy();
        server.close();
      }
    });
  }

  it('show unix sockets by the name that they were bound to, spaces and all', async () => {
    const path = scratch('a name  with spaces');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const found = readUnixSockets('self')?.filter((socket) => socket.path === path);
    expect(found?.map(({ isListening }) => isListening)).to.deep.equal([true]);
    expect(ownSockets()).to.include(`socket:[${found?.[0]?.inode}]`);
    server.close();
  });

  it('are not trusted when a name has a newline that makes a second row of a socket', async () => {
    // In a network of its own: tests that run beside this one trust the table of ours.
    const within = ['--user', '--map-root-user', '--net', process.execPath, '--input-type=module', '--eval', FORGER];
    const forger = spawn('unshare', [...within, scratch('victim'), scratch('n')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said = forger.stdout.setEncoding('utf8');
    const ended = once(forger, 'exit');
    const tableAfter = async (): Promise<readonly UnixSocket[] | undefined> => {
      await once(said, 'data');
      return readUnixSockets(forger.pid ?? 0);
    };
    const victim = (await tableAfter())?.find((socket) => socket.path === scratch('victim'));
    expect(victim).to.include({ isListening: true });
    forger.stdin.write(`${victim?.inode}\n`);
    expect(await tableAfter()).to.equal(undefined);
    forger.stdin.write('close\n');
    expect(await tableAfter()).to.deep.equal([victim]);
    forger.stdin.end();
    await ended;
  });
});
