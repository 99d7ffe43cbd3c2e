import { expect } from 'chai';
import { parseDeviceState } from '../../../../protocols/qmp/index.ts';
import { SCRIPTED_CPUS, SCRIPTED_PROCESSOR, scriptedLink } from '../../../../src/guest/rehearsal/scripted-link.ts';
import { MONITOR_TEXTS } from '../../../../src/guest/rehearsal/scripted-texts.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

describe('the link of a rehearsal', () => {
  it('leads to one vCPU, of a processor that is known', () => {
    expect(SCRIPTED_CPUS).to.deep.equal([{ index: 0, qomPath: '/machine/cpu', threadId: undefined }]);
    const told = (value: unknown, name: string) => ({ value, from: 'qom', detail: `/machine/cpu.${name}` });
    expect(SCRIPTED_PROCESSOR).to.deep.equal({
      accelerator: { value: 'tcg', from: 'monitor', detail: 'query-kvm' },
      qemuVersion: [10, 0, 0],
      maxPhyAddr: told(52, 'phys-bits'),
      vendor: told('intel', 'vendor'),
      pse36: told(true, 'pse36'),
      pdpe1gb: told(true, 'pdpe1gb'),
    });
  });

  it('has a guest that ran, and a stub that is its own; nothing of it is a process', () => {
    const { endpoint, peer, asksLive, ranBefore, runStateCause, recoveries, isStubProven } = scriptedLink();
    expect({ endpoint, peer, asksLive, ranBefore, runStateCause, recoveries, isStubProven }).to.deep.equal({
      endpoint: '',
      peer: { kind: 'unknown', cause: { code: 'not-connected' } },
      asksLive: false,
      ranBefore: true,
      runStateCause: null,
      recoveries: [],
      isStubProven: true,
    });
  });

  it('answers what a pause asks', async () => {
    const link = scriptedLink();
    const { monitor } = link;
    expect(await monitor.qomGet('/machine/cpu', 'mtrr')).to.equal(undefined);
    expect(await monitor.qemuVersion()).to.deep.equal([10, 0, 0]);
    expect(await monitor.usesKvm()).to.equal(false);
    expect(await monitor.target()).to.equal('x86_64');
    expect(await monitor.saveDeviceState?.('/file')).to.equal(undefined);
    expect(link.firstViews()).to.equal(null);
    const file = await link.deviceStateFile();
    expect(file.path).to.equal('');
    expect([...parseDeviceState(await file.read()).cpus.keys()]).to.deep.equal([0]);
    expect(await file.discard()).to.equal(undefined);
    link.noteRegisters(MONITOR_TEXTS.get('info registers -a') ?? '');
    expect(link.checkStillPaused()).to.equal(undefined);
    expect(await link.hearNews()).to.equal(undefined);
    expect(await link.findResumption()).to.equal(undefined);
    expect(await link.resume()).to.equal(undefined);
    expect(await link.release()).to.equal(undefined);
  });

  it('has no answer to anything else', async () => {
    const link = scriptedLink();
    for (const asked of [
      link.monitor.hmp('info kvm'),
      link.monitor.registers(0),
      link.monitor.listCpus(),
      link.firstCpus(),
      link.firstProcessor(undefined),
      link.pause(),
      link.run({ breakpoints: [], timeoutMs: 1 }),
    ]) {
      expect((await expectRejection(asked)).message).to.equal('the script has no answer to this');
    }
  });
});
