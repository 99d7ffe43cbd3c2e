import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { stubMemory } from '../../../../src/guest/memory/stub-memory.ts';
import { StubSession } from '../../../../src/guest/stub/stub-session.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';

const TIMES = { timeoutMs: 5000, requestTimeoutMs: 5000 };

async function open(): Promise<{ stub: FakeGdbStub; session: StubSession }> {
  const stub = new FakeGdbStub();
  const client = await GdbClient.connect(stub.connection, TIMES);
  stub.requests.splice(0);
  return { stub, session: StubSession.over(client, { endpoint: 'unix:/fake', ...TIMES }) };
}

describe('guest memory through the stub', () => {
  it('is read and written in physical mode, in the order in which it was asked for', async () => {
    const { stub, session } = await open();
    const memory = stubMemory(session);
    const target = new Uint8Array(4);
    const [[made, given]] = await Promise.all([
      memory.read(
        [
          { address: 0x1010, lengthBytes: 2 },
          { address: 0x20fe, lengthBytes: 4 },
        ],
        [new Uint8Array(2), target],
      ),
      memory.write(0x3000, Uint8Array.of(1, 0xab)),
    ]);
    expect([...(made ?? [])]).to.deep.equal([0x10, 0x11]);
    expect(given).to.equal(target);
    expect([...target]).to.deep.equal([0xfe, 0xff, 0, 1]);
    expect(stub.requests.filter((request) => request.startsWith('Qqemu'))).to.deep.equal(['Qqemu.PhyMemMode:1']);
    expect(stub.requests.filter((request) => /^[mM]/.test(request))).to.deep.equal([
      ...['m1010,2', 'm20fe,4', 'M3000,2:01ab'],
    ]);
    await session.abandon();
  });

  it('is neither read nor written once the stub is being left', async () => {
    const { stub, session } = await open();
    const memory = stubMemory(session);
    await session.leavePhysicalMode();
    for (const work of [memory.read([{ address: 0, lengthBytes: 8 }]), memory.write(0, Uint8Array.of(1))]) {
      expect(await expectRejection(work)).to.have.property('code', 'ERR_GUEST_NOT_PAUSED');
    }
    expect(stub.requests).to.deep.equal([]);
    await session.abandon();
  });
});
