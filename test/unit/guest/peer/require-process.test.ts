import { expect } from 'chai';
import { type Peer, unknownPeer } from '../../../../src/guest/peer/peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { requireOwnStub, requireProcess } from '../../../../src/guest/peer/require-process.ts';

const { pid } = process;
const cpus = (...threads: readonly (number | undefined)[]) => threads.map((threadId) => ({ threadId }));

describe('the process that is meant', () => {
  const identity = readIdentity(pid);
  const behind = (peer: Peer) => ({ endpoint: 'unix:/run/vm.qmp', peer });
  const unseen = behind(unknownPeer({ code: 'not-connected' }));

  it('is the one that holds the connection, by the kernel', () => {
    if (identity === undefined) throw new Error('this process is not seen');
    const peer: Peer = { kind: 'process', pid, uid: identity.uid, identity };
    requireProcess(pid, behind(peer), []);
    expect(() => requireProcess(pid + 1, behind(peer), cpus(pid))).to.throw(`QEMU ${pid} is behind it`);
  });

  it('is the one whose threads run the vCPUs, where the kernel shows no holder', () => {
    requireProcess(pid, unseen, cpus(pid));
    for (const other of [cpus(), cpus(undefined), cpus(1), cpus(pid, 1)]) {
      expect(() => requireProcess(pid, unseen, other)).to.throw('that is not proven');
    }
  });

  it('has a stub only where it listens', () => {
    expect(() => requireOwnStub(pid, 'unix:/run/no-such-stub')).to.throw('was not paused');
  });
});
