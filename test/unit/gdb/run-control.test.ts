import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import {
  encodePacket,
  GdbArgumentError,
  GdbClient,
  GdbReplyError,
  GdbRunControl,
  GdbTimeoutError,
} from '../../../protocols/gdb/index.ts';
import type { TraceSink } from '../../../protocols/transport/index.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeGdbStub } from '../../support/fakes/fake-gdb-stub.ts';

const LAYOUT =
  'l<target><architecture>i386</architecture><feature name="f">' +
  '<reg name="eip" bitsize="32"/><reg name="cr3" bitsize="64"/></feature></target>';

type Answer = (payload: string) => readonly string[] | undefined | 'default';

async function take(answer: Answer = () => 'default', trace?: TraceSink) {
  const stub = new FakeGdbStub({
    answer: (payload) => {
      if (payload.startsWith('qXfer')) return [LAYOUT];
      if (payload === 'g') return ['000000001111111111111111'];
      return answer(payload);
    },
  });
  const client = await GdbClient.connect(stub.connection, {
    requestTimeoutMs: 50,
    ...(trace === undefined ? {} : { trace }),
  });
  const control = await GdbRunControl.take(client);
  stub.requests.length = 0;
  return { stub, client, control };
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => expect.fail(`it was fulfilled with ${String(value)}`),
    (error: Error) => error,
  );
}

describe('GdbRunControl', () => {
  it('steps one CPU and says where it stopped', async () => {
    const { stub, control } = await take((payload) => (payload === 'vCont;s:2' ? ['T05thread:02;'] : 'default'));
    const stop = await control.step(1, { timeoutMs: 1000 });
    expect(stop).to.deep.equal({ kind: 'stopped', signal: 5, cpuIndex: 1, text: 'T05thread:02;' });
    expect(stub.requests).to.deep.equal(['Hc2', 'vCont;s:2']);
  });

  it('understands the thread ids of a multiprocess stub', async () => {
    const { control } = await take((payload) => (payload === 'vCont;c' ? ['T05thread:p01.0b;'] : 'default'));
    expect(await control.continue(undefined, { timeoutMs: 1000 })).to.include({ cpuIndex: 10 });
  });

  it('writes registers and steps in one write, in the order of the calls', async () => {
    const { stub, control } = await take((payload) => (payload.startsWith('vCont') ? ['T05thread:01;'] : 'default'));
    const writes = stub.clientWrites;
    const values = [
      ['cr3', 0x1122_3344_5566_7788n],
      ['eip', 0x10n],
    ] as const;
    await Promise.all([control.writeRegisters(0, values), control.step(0, { timeoutMs: 1000 })]);
    expect(stub.requests).to.deep.equal(['Hg1', 'g', 'P1=8877665544332211', 'P0=10000000', 'Hc1', 'vCont;s:1']);
    expect(stub.clientWrites - writes).to.equal(1);
  });

  it('synchronizes a CPU once after each stop', async () => {
    const { stub, control } = await take((payload) => {
      if (payload.startsWith('vCont')) return ['T05thread:01;'];
      return payload === 'p1' ? ['0100000000000080'] : 'default';
    });
    expect((await control.readRegister(0, 'cr3')).toString(16)).to.equal('8000000000000001');
    await control.readRegister(0, 'cr3');
    await control.step(0, { timeoutMs: 1000 });
    await control.writeRegister(0, 'eip', 1n);
    expect(stub.requests).to.deep.equal(['Hg1', 'g', 'p1', 'Hg1', 'p1', 'Hc1', 'vCont;s:1', 'Hg1', 'g', 'P0=01000000']);
  });

  it('sends nothing behind a resume request until the stop is reported', async () => {
    const { stub, client, control } = await take((payload) => (payload.startsWith('vCont') ? undefined : 'default'));
    const stepping = control.step(0, { timeoutMs: 1000 });
    const reading = client.readMemory(1, 1);
    await delay(100);
    expect(stub.requests).to.deep.equal(['Hc1', 'vCont;s:1']);
    stub.send(encodePacket('T05thread:01;'));
    await stepping;
    expect((await reading)[0]).to.equal(1);
  });

  it('interrupts a guest that runs too long, and goes on', async () => {
    const { stub, client, control } = await take((payload) => (payload.startsWith('vCont') ? undefined : 'default'));
    const running = control.continue(0, { timeoutMs: 30 });
    await delay(60);
    expect(stub.strayBytes).to.deep.equal([3]);
    stub.send(encodePacket('T02thread:01;'));
    const error = await rejection(running);
    expect(error)
      .to.be.instanceOf(GdbTimeoutError)
      .and.include({ request: 'vCont;c:1', timeoutMs: 30, stopSeen: true });
    expect(client.state).to.equal('open');
    expect((await client.readMemory(1, 1))[0]).to.equal(1);
  });

  it('traces and counts the byte that interrupts a guest', async () => {
    const sent: string[] = [];
    const { stub, client, control } = await take(
      (payload) => (payload.startsWith('vCont') ? undefined : 'default'),
      ({ direction, text }) => direction === '->' && sent.push(text),
    );
    const running = rejection(control.continue(0, { timeoutMs: 5 }));
    await eventually('the guest is interrupted', async () => stub.strayBytes.length > 0);
    expect(sent.at(-1)).to.equal('\x03');
    expect(client.stats.bytesSent).to.equal(sent.join('').length);
    stub.send(encodePacket('T02thread:01;'));
    expect(await running).to.be.instanceOf(GdbTimeoutError);
  });

  it('does not let a guest run for a signal that has fired, and interrupts one that has just been let run', async () => {
    const { stub, client, control } = await take((payload) => (payload.startsWith('vCont') ? undefined : 'default'));
    const limits = { timeoutMs: Number.POSITIVE_INFINITY, signal: AbortSignal.abort() };
    expect(await rejection(control.continue(undefined, limits)))
      .to.be.instanceOf(GdbTimeoutError)
      .and.include({ stopSeen: true });
    expect(await rejection(control.step(0, limits))).to.be.instanceOf(GdbTimeoutError);
    const giveUp = new AbortController();
    const stepping = control.step(0, { ...limits, signal: giveUp.signal });
    // Nothing of it has been sent yet.
    giveUp.abort();
    await delay(60);
    expect(stub.requests).to.deep.equal(['Hc1', 'Hc1', 'vCont;s:1']);
    expect(stub.strayBytes).to.deep.equal([3]);
    stub.send(encodePacket('T02thread:01;'));
    expect(await rejection(stepping)).to.be.instanceOf(GdbTimeoutError);
    expect(client.state).to.equal('open');
  });

  it('takes a stop that crosses the interrupt for what it is', async () => {
    const { stub, control } = await take((payload) => (payload.startsWith('vCont') ? undefined : 'default'));
    const stepping = control.step(0, { timeoutMs: 30 });
    await delay(60);
    stub.send(encodePacket('T05thread:01;'));
    expect(await stepping).to.include({ kind: 'stopped', signal: 5 });
  });

  it('interrupts no later run for the time or the signal of an earlier one', async () => {
    const { stub, control } = await take((payload) => {
      if (payload.startsWith('vCont;s')) return ['T05thread:01;'];
      return payload.startsWith('vCont') ? undefined : 'default';
    });
    const giveUp = new AbortController();
    await control.step(0, { timeoutMs: 20, signal: giveUp.signal });
    const running = control.continue(undefined, { timeoutMs: 60_000 });
    await eventually('it runs', () => stub.requests.includes('vCont;c'));
    giveUp.abort();
    await delay(60);
    expect(stub.strayBytes).to.deep.equal([]);
    stub.send(encodePacket('T05thread:01;'));
    expect(await running).to.include({ signal: 5 });
  });

  it('leaves no timer behind when a guest has been interrupted', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const { stub, control } = await take((payload) => (payload.startsWith('vCont') ? undefined : 'default'));
    const giveUp = new AbortController();
    const before = timers();
    const running = rejection(control.continue(undefined, { timeoutMs: 600_000, signal: giveUp.signal }));
    giveUp.abort();
    await eventually('it is interrupted', () => stub.strayBytes.length > 0, { betweenMs: 1 });
    stub.send(encodePacket('T02thread:01;'));
    expect(await running).to.be.instanceOf(GdbTimeoutError);
    expect(timers()).to.be.at.most(before);
  });

  it('keeps a list of its breakpoints, and takes them back', async () => {
    const { stub, control } = await take((payload) => (payload === 'Z1,bad,1' ? ['E22'] : 'default'));
    await control.setBreakpoint(0x1000n);
    await control.setBreakpoint(0x1000n);
    await control.setBreakpoint(0xffff_ffff_ffff_ffffn);
    expect(await rejection(control.setBreakpoint(0xbadn))).to.be.instanceOf(GdbReplyError);
    await control.removeAllBreakpoints();
    expect(control.breakpoints).to.deep.equal([]);
    expect(stub.requests).to.deep.equal([
      ...['Z1,1000,1', 'Z1,ffffffffffffffff,1', 'Z1,bad,1'],
      ...['z1,1000,1', 'z1,ffffffffffffffff,1'],
    ]);
    expect(await rejection(control.removeBreakpoint(0x1000n))).to.be.instanceOf(GdbArgumentError);
  });

  it('flushes translations with a watchpoint that it takes back in the same write, and says where that cannot be', async () => {
    const { stub, control } = await take((payload) => (/^[Zz]2/.test(payload) ? ['OK'] : 'default'));
    const writes = stub.clientWrites;
    expect(await control.flushTranslations()).to.equal(true);
    expect(stub.requests).to.deep.equal(['Z2,4000000000000ff8,10', 'z2,4000000000000ff8,10']);
    expect(stub.clientWrites - writes).to.equal(1);
    for (const refusal of ['E22', '']) {
      const other = await take((payload) => (/^[Zz]2/.test(payload) ? [refusal] : 'default'));
      expect(await other.control.flushTranslations()).to.equal(false);
    }
    const stuck = await take((payload) =>
      payload.startsWith('z2') ? ['E22'] : payload.startsWith('Z2') ? ['OK'] : 'default',
    );
    expect(await rejection(stuck.control.flushTranslations())).to.be.instanceOf(GdbReplyError);
  });

  it('takes any time that there is', async () => {
    const { control } = await take();
    const signal = AbortSignal.abort();
    // It is over before it begins, which is no argument's fault.
    for (const timeoutMs of [0.5, 1]) {
      expect(await rejection(control.step(0, { timeoutMs, signal }))).to.be.instanceOf(GdbTimeoutError);
    }
  });

  it('refuses what can not be meant, and sends nothing', async () => {
    const { stub, control } = await take();
    const attempts = [
      control.writeRegister(0, 'rax', 0n),
      control.writeRegister(0, 'eip', 1n << 32n),
      control.writeRegister(0, 'eip', -1n),
      control.writeRegister(-1, 'eip', 0n),
      control.readRegister(0, '-1'),
      control.step(-1, { timeoutMs: 1000 }),
      control.continue(-1, { timeoutMs: 1000 }),
      control.step(0, { timeoutMs: 0 }),
      control.setBreakpoint(1n << 64n),
    ].map(rejection);
    for (const error of await Promise.all(attempts)) expect(error).to.be.instanceOf(GdbArgumentError);
    expect(stub.requests).to.deep.equal([]);
  });
});

describe('GdbClient', () => {
  it('sends nothing that changes the guest or lets it run', async () => {
    const looking =
      /^(qSupported|qqemu\.|Qqemu\.PhyMemMode:|q[fs]ThreadInfo|qThreadExtraInfo,|qXfer:features:read:|qRcmd,|T|Hg|g$|m)/;
    const answers: Answer = (payload) => (payload.startsWith('qRcmd') ? ['OK'] : 'default');
    const { stub, client } = await take((payload) => (payload.endsWith('ThreadInfo') ? ['l'] : answers(payload)));
    await Promise.all([client.threads(), client.threadExtraInfo(0).catch(() => undefined), client.readRegisters(0)]);
    await Promise.all([
      client.selectThread(0),
      client.readMemory(0, 1),
      client.setPhysicalMode(true),
      client.monitor('x'),
    ]);
    await client.close();
    expect(stub.requests.filter((request) => !looking.test(request))).to.deep.equal([]);
    expect(stub.requests.length).to.be.above(8);
    expect(stub.strayBytes).to.deep.equal([]);
  });
});
