import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lchownSync, linkSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { findBoundSocket, identifySocket, parseEndpoint } from '../../../protocols/transport/internal.ts';
import { lookAtThisHost } from '../../../src/guest/found/this-host.ts';
import { findListener, findListenerOf, listensAt } from '../../../src/guest/peer/listens-at.ts';
import { OTHER_UID } from '../../support/live/peer/other-user.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Listens where its words say until it is ended, and says so. */
const LISTENER = `
import { createServer } from 'node:net';
for (const where of process.argv.slice(1)) createServer().listen(where).once('listening', () => console.log('so'));
`;

describe('who listens at a socket of this host', () => {
  const scratch = useScratchDirectory();
  const servers: Server[] = [];
  const children: ChildProcess[] = [];

  async function listen(where: string | number): Promise<number> {
    const server = createServer().listen(where);
    servers.push(server);
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async function listenApart(where: string): Promise<number> {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', LISTENER, where], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    if (child.stdout !== null) await once(child.stdout, 'data');
    return child.pid ?? 0;
  }

  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    for (const child of children.splice(0)) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  const unix = (path: string) => parseEndpoint(`unix:${path}`);
  const tcp = (port: number) => parseEndpoint(`tcp:127.0.0.1:${port}`);

  it('tells one process from another, by the socket of each', async () => {
    const [ours, theirs] = [scratch('ours'), scratch('theirs')];
    await listen(ours);
    const pid = await listenApart(theirs);
    expect([listensAt(process.pid, unix(ours)), listensAt(pid, unix(theirs))]).to.deep.equal([true, true]);
    expect([listensAt(process.pid, unix(theirs)), listensAt(pid, unix(ours))]).to.deep.equal([false, false]);
    expect(listensAt(process.pid, unix(scratch('nothing')))).to.equal(false);
    expect(findListener(process.pid, unix(ours))).to.deep.equal({ file: identifySocket(ours).identity });
  });

  it('tells one process from another by a port', async () => {
    const port = await listen(0);
    const pid = await listenApart(scratch('elsewhere'));
    expect([listensAt(process.pid, tcp(port)), listensAt(pid, tcp(port))]).to.deep.equal([true, false]);
    expect([findListenerOf(process.getuid?.() ?? 0, tcp(port)), findListenerOf(OTHER_UID, tcp(port))]).to.deep.equal([
      {},
      undefined,
    ]);
  });

  it('takes no one’s word where two have bound the same name', async () => {
    const path = scratch('twice');
    await listen(path);
    // What closes it later must not remove the other one's.
    renameSync(path, `${path}-away`);
    const pid = await listenApart(path);
    expect([listensAt(process.pid, unix(path)), listensAt(pid, unix(path))]).to.deep.equal([false, false]);
  });

  for (const [what, put] of [
    ['a link to another one', symlinkSync],
    ['a second name of another one', linkSync],
  ] as const) {
    it(`is not deceived by ${what} in the place of a socket`, async () => {
      const [path, other] = [scratch(`replaced-${put.name}`), scratch(`other-${put.name}`)];
      await listen(path);
      await listenApart(other);
      expect(listensAt(process.pid, unix(path))).to.equal(true);
      renameSync(path, `${path}-away`);
      put(other, path);
      expect(listensAt(process.pid, unix(path))).to.equal(false);
      unlinkSync(path);
    });
  }

  it('follows links on the way that root or this user has made, and no others', async () => {
    const folder = scratch('folder');
    mkdirSync(folder);
    const link = scratch('link');
    symlinkSync(folder, link);
    await listen(`${link}/socket`);
    expect(findListener(process.pid, unix(`${link}/socket`))?.file).to.equal(
      identifySocket(`${folder}/socket`).identity,
    );
    lchownSync(link, OTHER_UID, OTHER_UID);
    expect(findListener(process.pid, unix(`${link}/socket`))).to.equal(undefined);
    const round = scratch('round');
    symlinkSync(round, round);
    expect(findBoundSocket(`${folder}/socket`)).to.be.a('string');
    expect(listensAt(process.pid, unix(`${round}/socket`))).to.equal(false);
  });

  it('follows a link only where no other user can put another one in its place', async () => {
    const [at, folder] = [scratch('at'), scratch('behind')];
    mkdirSync(at);
    mkdirSync(folder);
    symlinkSync(folder, `${at}/link`);
    await listen(`${folder}/socket`);
    const { identity } = identifySocket(`${folder}/socket`);
    const bound = () => findBoundSocket(`${at}/link/socket`);
    for (const [mode, isFollowed] of [
      [0o755, true],
      [0o775, false],
      [0o757, false],
      [0o1777, true],
    ] as const) {
      chmodSync(at, mode);
      expect(bound(), `${mode}`).to.equal(isFollowed ? identity : undefined);
    }
    lchownSync(at, OTHER_UID, OTHER_UID);
    expect(bound(), 'who owns a folder may rename in it').to.equal(undefined);
    expect(findBoundSocket(`${folder}/socket`), 'by itself').to.equal(identity);
  });

  it('follows links of another root within that root alone', async () => {
    const root = scratch('root');
    mkdirSync(`${root}/run`, { recursive: true });
    mkdirSync(scratch('host'));
    await listen(`${root}/run/socket`);
    await listen(scratch('host/socket'));
    const { identity: within } = identifySocket(`${root}/run/socket`);
    for (const [name, target] of [
      ['absolute', '/run'],
      ['relative', 'run'],
      ['upwards', '../../../run'],
    ] as const) {
      symlinkSync(target, `${root}/${name}`);
      expect(findBoundSocket(`/${name}/socket`, root), name).to.equal(within);
      lchownSync(`${root}/${name}`, OTHER_UID, OTHER_UID);
      expect(findBoundSocket(`/${name}/socket`, root), `${name}, of another user`).to.equal(undefined);
    }
    symlinkSync(scratch('host'), `${root}/out`);
    expect(() => findBoundSocket('/out/socket', root), 'there is no such folder in it').to.throw('ENOENT');
    const elsewhere = lookAtThisHost();
    expect(elsewhere.socketAt(scratch('host/socket'))).to.equal(identifySocket(scratch('host/socket')).identity);
    expect(elsewhere.socketAt(`/proc/${process.pid}/root${root}/run/socket`)).to.equal(within);
    const before = process.cwd();
    process.chdir(`${root}/run`);
    expect(elsewhere.socketAt(`/proc/${process.pid}/cwd/socket`)).to.equal(within);
    process.chdir(before);
    expect(elsewhere.socketAt(`/proc/${process.pid}/root${root}/absolute/socket`)).to.equal(undefined);
  });

  it('knows a socket of a user by its owner', async () => {
    const path = scratch('owned');
    await listen(path);
    const file = identifySocket(path).identity;
    expect(findListenerOf(process.getuid?.() ?? 0, unix(path))).to.deep.equal({ file });
    expect(findListenerOf(OTHER_UID, unix(path))).to.equal(undefined);
    expect(findListenerOf(0, unix(scratch('nothing')))).to.equal(undefined);
  });
});
