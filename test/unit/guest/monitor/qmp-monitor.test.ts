import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { qmpMonitor } from '../../../../src/guest/monitor/qmp-monitor.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { type FakeQemu, Refusal } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';

describe('the monitor by QMP', () => {
  const machines = useFakeQemus();
  let qmp: QmpClient;
  let machine: FakeQemu;

  async function open(answer: (command: string) => unknown = () => undefined) {
    machine = await machines.start({ monitor: answer });
    qmp = await QmpClient.connect(machine.qmpEndpoint);
    return qmpMonitor(qmp);
  }

  afterEach(() => qmp.close());

  it('asks each thing by the command for it', async () => {
    const monitor = await open();
    expect(monitor.endpoint).to.equal(machine.qmpEndpoint);
    expect(await monitor.hmp('info version')).to.equal('7.2.22Debian\n');
    expect(await monitor.target()).to.equal('x86_64');
    expect(await monitor.usesKvm()).to.equal(false);
    expect(await monitor.listCpus()).to.deep.equal([
      { index: 0, qomPath: '/machine/unattached/device[0]', threadId: 4711 },
    ]);
    expect((await monitor.registers(3)).cpuIndex).to.equal(0);
    expect(machine.takeAsked()).to.deep.equal([
      ...['hmp info version', 'query-target', 'query-kvm', 'query-cpus-fast'],
      'hmp info registers 3',
    ]);
    expect(await monitor.qemuVersion(), 'as it was greeted').to.deep.equal([7, 2, 22]);
    expect(machine.takeAsked()).to.deep.equal([]);
  });

  it('says so where KVM runs the guest', async () => {
    const monitor = await open(() => ({ enabled: true, present: true }));
    expect(await monitor.usesKvm()).to.equal(true);
  });

  it('gives a property as it is, and undefined for what is none, or more than one value', async () => {
    const values: Record<string, unknown> = { a: true, b: 40, c: 'text', d: { e: 1 }, f: [1] };
    const monitor = await open((command) => values[command.slice(-1)] ?? new Refusal('Property not found'));
    const properties = ['a', 'b', 'c', 'd', 'f', 'none'];
    const answers = await Promise.all(properties.map((property) => monitor.qomGet('/cpu', property)));
    expect(answers).to.deep.equal([true, 40, 'text', undefined, undefined, undefined]);
    expect(machine.takeAsked()).to.deep.equal(properties.map((property) => `qom-get /cpu ${property}`));
  });

  it('tells a connection that is gone from a property that is not there', async () => {
    const monitor = await open();
    await qmp.close();
    expect(await expectRejection(monitor.qomGet('/cpu', 'pku'))).to.have.property('code', 'ERR_QMP_CLOSED');
  });

  it('asks before a device state is saved, and once', async () => {
    const monitor = await open();
    expect(monitor.prepareDeviceState).to.be.a('function');
    await expectRejection(monitor.saveDeviceState?.('/file') ?? Promise.resolve());
    expect(machine.takeAsked()).to.not.deep.equal([]);
  });
});
