import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { resumeByQmp } from '../../../../src/guest/resume/resume-by-qmp.ts';
import { FakeQmpServer, GREETING } from '../../../support/fakes/fake-qmp-server.ts';

/** A monitor that shows a run state, and what it was asked. */
async function resume(status: string, refuses = '') {
  const server = new FakeQmpServer();
  const connecting = QmpClient.connect(server.connection);
  server.sayLine(GREETING);
  const qmp = await connecting;
  const seen = server.requests.length;
  const resuming = resumeByQmp(qmp);
  const commands: string[] = [];
  const answering = (async () => {
    for (let at = seen; ; at += 1) {
      const request = (await server.received(at + 1))[at];
      if (request === undefined) return;
      commands.push(request.execute);
      const state = { status, running: status === 'running' };
      if (request.execute === refuses)
        server.sayLine(JSON.stringify({ id: request.id, error: { class: 'CommandNotFound', desc: 'no such' } }));
      else server.reply(request, request.execute === 'query-status' ? state : {});
    }
  })();
  answering.catch(() => {});
  const from = await resuming;
  await qmp.close();
  return { from, commands };
}

describe('resuming a guest by its monitor', () => {
  it('asks for the run state before, and no more', async () => {
    const commands = ['query-status', 'cont'];
    expect(await resume('paused')).to.deep.equal({ from: undefined, commands });
    expect(await resume('running')).to.deep.equal({ from: undefined, commands });
  });

  it('stops a guest again that had left, and has its images made inactive where QEMU can', async () => {
    const commands = ['query-status', 'cont', 'stop', 'blockdev-set-active'];
    expect(await resume('postmigrate')).to.deep.equal({ from: 'postmigrate', commands });
    expect(await resume('postmigrate', 'blockdev-set-active')).to.deep.equal({ from: 'postmigrate', commands });
  });
});
