import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { resumeByStub } from '../../../../src/guest/resume/resume-by-stub.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');

/** A stub behind which a monitor shows a run state, and says something to `cont`. */
async function resume(state: string, said = '') {
  const stub = new FakeGdbStub({
    answer(payload) {
      if (payload === `qRcmd,${hex('info status')}`) return [`O${hex(`VM status: ${state}\r\n`)}`, 'OK'];
      if (payload === `qRcmd,${hex('cont')}`) return said === '' ? ['OK'] : [`O${hex(said)}`, 'OK'];
      return 'default';
    },
  });
  const client = await GdbClient.connect(stub.connection);
  const writes = stub.clientWrites;
  const resumed = await resumeByStub(client);
  return { resumed, writes: stub.clientWrites - writes };
}

describe('resuming a guest by its stub', () => {
  it('asks for the run state in the same write, and before', async () => {
    expect(await resume('paused')).to.deep.equal({ resumed: { kind: 'runs' }, writes: 1 });
    expect((await resume('paused (prelaunch)')).resumed).to.deep.equal({ kind: 'runs' });
  });

  it('shows that the guest had left', async () => {
    expect((await resume('paused (postmigrate)')).resumed).to.deep.equal({ kind: 'strayed', from: 'postmigrate' });
  });

  it('says why QEMU has not resumed it', async () => {
    const { resumed } = await resume('paused (postmigrate)', 'Error: Failed to get "write" lock\r\n');
    expect(resumed).to.deep.equal({
      kind: 'refused',
      complaint: String.raw`QEMU says: "Error: Failed to get \"write\" lock"`,
    });
  });
});
