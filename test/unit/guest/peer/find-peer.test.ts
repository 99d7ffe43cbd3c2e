import { expect } from 'chai';
import { findHolderOf, findPeer } from '../../../../src/guest/peer/find-peer.ts';
import { FakeQmpServer } from '../../../support/fakes/fake-qmp-server.ts';

const endpoint = 'unix:/run/vm.qmp';
const unknown = (cause: object) => ({ kind: 'unknown', cause });
const unseen = unknown({ code: 'no-qemu-seen', endpoint, isRoot: process.geteuid?.() === 0 });

describe('the process behind a connection', () => {
  it('is looked for by what the connection is', () => {
    expect(findPeer({ endpoint })).to.deep.equal(unknown({ code: 'behind-command', endpoint }));
    expect(findPeer({ endpoint, socket: { kind: 'unix', file: undefined } })).to.deep.equal(
      unknown({ code: 'no-socket-file' }),
    );
    expect(findPeer({ endpoint, socket: { kind: 'handed', inode: 0 } })).to.deep.equal(unseen);
    const end = { address: '127.0.0.1', port: 0 };
    expect(findPeer({ endpoint, socket: { kind: 'tcp', local: end, remote: end } })).to.deep.equal(
      unknown({ code: 'not-on-this-host', endpoint }),
    );
  });

  it('is not known where the kernel does not tell, or is another one', () => {
    const file = { device: 1n, inode: 1n, uid: 0, path: '/no/such/file' };
    expect(findPeer({ endpoint, socket: { kind: 'unix', file } })).to.deep.equal(
      unknown({
        code: 'proc-unreadable',
        endpoint,
        message: "ENOENT: no such file or directory, statfs '/no/such/file'",
      }),
    );
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    try {
      expect(findPeer({ endpoint })).to.deep.equal(unknown({ code: 'not-linux' }));
    } finally {
      Object.defineProperty(process, 'platform', { value: platform });
    }
  });
});

describe('the holder of a connection that was handed over', () => {
  const { connection } = new FakeQmpServer();
  const handed = { number: 1 };

  it('is looked for here, unless a helper of its host looks', async () => {
    const local = { ...connection, endpoint, socket: { kind: 'handed', inode: 0 } as const };
    expect(await findHolderOf({ connection: local, handed })).to.deep.equal(unseen);
    const process = {
      ...{ pid: 7, uid: 107, memoryProblem: undefined },
      ...{ readMaps: () => Promise.resolve(''), readMemory: () => Promise.resolve() },
    };
    const findHolder = () => Promise.resolve(process);
    expect(await findHolderOf({ connection: local, handed, findHolder })).to.deep.equal({ kind: 'remote', process });
  });

  it('is not known where that helper does not see it', async () => {
    const findHolder = () => Promise.reject(new Error('no process of that host has it'));
    expect(await findHolderOf({ connection: { ...connection, endpoint }, handed, findHolder })).to.deep.equal(
      unknown({ code: 'unseen-there', endpoint, message: 'no process of that host has it' }),
    );
  });
});
