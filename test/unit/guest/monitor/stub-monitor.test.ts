import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { stubMonitor } from '../../../../src/guest/monitor/stub-monitor.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { console, type FakeQemu } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';

const LONGEST_PROPERTY = 16_384;

describe('the monitor behind a stub', () => {
  const machines = useFakeQemus();
  let gdb: GdbClient;
  let machine: FakeQemu;

  async function open(prints: Readonly<Record<string, string>> = {}, onRegisters?: (text: string) => void) {
    machine = await machines.start({
      stub: (request) => {
        const printed = prints[request.replace(/^monitor /, '')];
        return printed === undefined ? 'default' : console(printed);
      },
    });
    gdb = await GdbClient.open(machine.gdbEndpoint, { timeoutMs: 2000 });
    machine.takeDebugged();
    return onRegisters === undefined ? stubMonitor(gdb) : stubMonitor(gdb, onRegisters);
  }

  afterEach(() => gdb.close());

  it('asks each thing by the line for it', async () => {
    const monitor = await open({ 'info cpus': '* CPU #0: thread_id=47\r\n  CPU #2: thread_id=48\r\n' });
    expect(monitor.endpoint).to.equal(machine.gdbEndpoint);
    expect(await monitor.hmp('info status')).to.equal('VM status: paused\n');
    expect(await monitor.qemuVersion()).to.deep.equal([7, 2, 22]);
    expect(await monitor.usesKvm()).to.equal(false);
    expect(await monitor.listCpus()).to.deep.equal([
      { index: 0, qomPath: '/machine/unattached/device[0]', threadId: 47 },
      { index: 2, qomPath: '/machine/unattached/device[0]', threadId: 48 },
    ]);
    expect(await monitor.target(), 'which it cannot tell').to.equal(undefined);
    expect(machine.takeDebugged()).to.deep.equal([
      ...['monitor info status', 'monitor info version', 'monitor info kvm'],
      ...['monitor info cpus', 'monitor info hotpluggable-cpus'],
    ]);
    expect([monitor.prepareDeviceState, monitor.saveDeviceState]).to.deep.equal([undefined, undefined]);
  });

  it('shows one vCPU out of all of them, and gives the text of all', async () => {
    const texts: string[] = [];
    const all = readFixtureText('qmp/registers/all.txt');
    const monitor = await open({ 'info registers -a': all }, (text) => texts.push(text));
    expect((await monitor.registers(1)).cpuIndex).to.equal(1);
    expect((await monitor.registers(0)).cpuIndex).to.equal(0);
    expect(machine.takeDebugged()).to.deep.equal(['monitor info registers -a', 'monitor info registers -a']);
    expect(texts).to.deep.equal([all.replaceAll('\r', ''), all.replaceAll('\r', '')]);
    const error = await expectRejection(monitor.registers(7));
    expect(error).to.have.property('code', 'ERR_GUEST_STATE');
    expect(error.message).to.equal('info registers -a shows no vCPU 7');
  });

  it('takes the text of the registers for no one, unless it is asked for', async () => {
    const monitor = await open({ 'info registers -a': readFixtureText('qmp/registers/all.txt') });
    expect((await monitor.registers(1)).cpuIndex).to.equal(1);
  });

  it('gives a property as it is, and undefined for what is none, no single value, or too long', async () => {
    const longest = JSON.stringify('x'.repeat(LONGEST_PROPERTY - 2));
    const monitor = await open({
      'qom-get /cpu a': 'true\r\n',
      'qom-get /cpu b': ' 40\r\n',
      'qom-get /cpu c': '"text"\r\n',
      'qom-get /cpu d': '{"e": 1}\r\n',
      'qom-get /cpu f': "Error: Property 'f' not found\r\n",
      'qom-get /cpu long': `${longest}\r\n`,
      'qom-get /cpu longer': `${longest} 1\r\n`,
      'qom-get /cpu longest': `${JSON.stringify('x'.repeat(LONGEST_PROPERTY - 1))}\r\n`,
    });
    const of = (property: string): Promise<unknown> => monitor.qomGet('/cpu', property);
    expect(await Promise.all(['a', 'b', 'c', 'd', 'f'].map(of))).to.deep.equal([
      ...[true, 40, 'text', undefined, undefined],
    ]);
    expect(await of('long')).to.equal('x'.repeat(LONGEST_PROPERTY - 2));
    expect(await of('longest')).to.equal(undefined);
    expect(await of('longer')).to.equal(undefined);
    expect(machine.takeDebugged()[0]).to.equal('monitor qom-get /cpu a');
  });

  it('knows no path of a vCPU where none is shown to be plugged in', async () => {
    const monitor = await open({ 'info hotpluggable-cpus': 'unknown command\r\n' });
    expect(await monitor.listCpus()).to.deep.equal([{ index: 0, qomPath: undefined, threadId: 4711 }]);
  });
});
