import { expect } from 'chai';
import { identifySocket } from '../../../../protocols/transport/internal.ts';
import { type Peer, unknownPeer } from '../../../../src/guest/peer/peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { requireOwnStub, requireProcess } from '../../../../src/guest/peer/require-process.ts';
import { expectUsageError } from '../../../support/host/expect-usage-error.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const { pid } = process;
const ENDPOINT = 'unix:/run/vm.qmp';
const cpus = (...threads: readonly (number | undefined)[]) => threads.map((threadId) => ({ threadId }));
const refusal = (of: number, endpoint: string, problem: string): string =>
  `QEMU ${of} says of itself that ${endpoint} leads to it, and ${problem}. The guest was not paused: name the endpoint instead of the process if that is the guest you mean`;

describe('the process that is meant', () => {
  const scratch = useScratchDirectory();
  const identity = readIdentity(pid);
  const behind = (peer: Peer, endpoint = ENDPOINT) => ({ endpoint, peer });
  const unseen = unknownPeer({ code: 'not-connected' });

  it('is the one that holds the connection, by the kernel', () => {
    if (identity === undefined) throw new Error('this process is not seen');
    const peer: Peer = { kind: 'process', pid, uid: identity.uid, identity };
    requireProcess(pid, behind(peer), []);
    expectUsageError(
      () => requireProcess(pid + 1, behind(peer), cpus(pid)),
      refusal(pid + 1, ENDPOINT, `QEMU ${pid} is behind it`),
    );
  });

  it('is the one that the helper of its host sees to hold it', () => {
    const holder = {
      ...{ pid: 7, uid: 107, memoryProblem: undefined },
      ...{ readMaps: () => Promise.resolve(''), readMemory: () => Promise.resolve() },
    };
    const peer: Peer = { kind: 'remote', process: holder };
    requireProcess(7, behind(peer), []);
    expectUsageError(() => requireProcess(pid, behind(peer), cpus(pid)), refusal(pid, ENDPOINT, 'QEMU 7 is behind it'));
  });

  it('is the one whose threads run the vCPUs, where the kernel shows no holder', () => {
    requireProcess(pid, behind(unseen), cpus(pid));
    requireProcess(pid, behind(unseen), cpus(pid, undefined));
    for (const other of [cpus(), cpus(undefined), cpus(1), cpus(pid, 1)]) {
      expectUsageError(() => requireProcess(pid, behind(unseen), other), refusal(pid, ENDPOINT, 'that is not proven'));
    }
  });

  it('is not known by its threads on another host', () => {
    const there = `host:[ssh lab]${ENDPOINT}`;
    expectUsageError(
      () => requireProcess(pid, behind(unseen, there), cpus(pid)),
      refusal(pid, there, 'that is not proven'),
    );
  });

  it('has a stub only where it listens', async () => {
    await using open = new OpenSockets();
    await open.listen(scratch('stub'));
    const endpoint = `unix:${scratch('stub')}`;
    expect(requireOwnStub(pid, endpoint)).to.deep.equal({ file: identifySocket(scratch('stub')).identity });
    expectUsageError(() => requireOwnStub(1, endpoint), refusal(1, endpoint, 'that is not proven'));
    const absent = 'unix:/run/no-such-stub';
    expectUsageError(() => requireOwnStub(pid, absent), refusal(pid, absent, 'that is not proven'));
  });
});
