import { expect } from 'chai';
import { encodePacket, GdbClient } from '../../../../protocols/gdb/index.ts';
import type { RunOptions } from '../../../../src/guest/link/link.ts';
import { runOnStub } from '../../../../src/guest/link/run-on-stub.ts';
import { eventually } from '../../../support/eventually.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';

const LAYOUT_64 =
  'l<target><architecture>i386:x86-64</architecture><feature name="f">' +
  '<reg name="rip" bitsize="64"/><reg name="cr3" bitsize="64"/></feature></target>';
const LAYOUT_32 = LAYOUT_64.replace('i386:x86-64', 'i386').replace(
  'name="rip" bitsize="64"',
  'name="eip" bitsize="32"',
);
const CR3 = '0'.repeat(16);

interface Guest {
  readonly layout?: string;
  /** `rip` of each vCPU, as `g` shows it. */
  readonly instructions?: readonly string[];
  /** What is said of a step, and of the run; undefined: nothing. */
  readonly stepped?: string;
  readonly stopped?: string | undefined;
}

/** A paused guest of two vCPUs, and what its stub was asked. */
async function attach({ layout = LAYOUT_64, instructions = [], stepped = 'T05thread:01;', stopped }: Guest = {}) {
  let selected = 0;
  const stub = new FakeGdbStub({
    answer(payload) {
      if (payload.startsWith('qXfer')) return [layout];
      if (payload === 'qfThreadInfo') return ['m01,02'];
      if (payload === 'qsThreadInfo') return ['l'];
      const vcpu = /^Hg(\d)$/.exec(payload)?.[1];
      if (vcpu !== undefined) selected = Number(vcpu) - 1;
      if (payload === 'g') return [`${instructions[selected] ?? 'ff'.repeat(layout === LAYOUT_32 ? 4 : 8)}${CR3}`];
      if (payload.startsWith('vCont;s')) return [stepped];
      if (payload.startsWith('vCont;c')) return stopped === undefined ? undefined : [stopped];
      return 'default';
    },
  });
  const client = await GdbClient.connect(stub.connection, { requestTimeoutMs: 1000 });
  await client.layout();
  stub.requests.length = 0;
  /** Lets it run: what came of it, and what was asked, but for the questions of which vCPUs there are. */
  const run = async (options: Partial<RunOptions> = {}) => {
    const result = await runOnStub(client, { breakpoints: [], timeoutMs: 1000, ...options });
    return { result, asked: stub.requests.filter((payload) => !payload.includes('ThreadInfo')) };
  };
  return { stub, client, run };
}

describe('letting a guest run by its stub', () => {
  it('ends at a breakpoint, with the vCPU that came by; none is left then', async () => {
    const { run } = await attach({ stopped: 'T05thread:02;' });
    const { result, asked } = await run({ breakpoints: [0x1000n, 0x2000n] });
    expect(result).to.deep.equal({ cpu: 1, reason: 'breakpoint' });
    expect(asked).to.deep.equal([
      ...['Hg1', 'g', 'Hg2', 'g'],
      ...['Z1,1000,1', 'Z1,2000,1', 'vCont;c', 'z1,1000,1', 'z1,2000,1'],
    ]);
  });

  it('lets each vCPU that stands at a breakpoint leave it first', async () => {
    const at2000 = '0020000000000000';
    const { run } = await attach({ instructions: ['0010000000000000', at2000], stopped: 'T05thread:01;' });
    const { result, asked } = await run({ breakpoints: [0x2000n] });
    expect(result).to.deep.equal({ cpu: 0, reason: 'breakpoint' });
    expect(asked).to.deep.equal(['Hg1', 'g', 'Hg2', 'g', 'Hc2', 'vCont;s:2', 'Z1,2000,1', 'vCont;c', 'z1,2000,1']);
  });

  it('knows where a 32-bit guest stands, too', async () => {
    const { run } = await attach({ layout: LAYOUT_32, instructions: ['00200000'], stopped: 'T05thread:01;' });
    const { asked } = await run({ breakpoints: [0x2000n] });
    expect(asked.slice(0, 4)).to.deep.equal(['Hg1', 'g', 'Hc1', 'vCont;s:1']);
  });

  it('asks for no registers where there are no breakpoints', async () => {
    const { run } = await attach({ stopped: 'T02thread:01;' });
    expect(await run()).to.deep.equal({ result: { cpu: 0, reason: 'stopped' }, asked: ['vCont;c'] });
  });

  it('tells another stop, and an end, from a breakpoint', async () => {
    const other = await attach({ stopped: 'T06thread:02;' });
    expect((await other.run()).result).to.deep.equal({ cpu: 1, reason: 'stopped' });
    const ended = await attach({ stopped: 'W00' });
    expect(await expectRejection(ended.run())).to.have.property('code', 'ERR_GDB_CLOSED');
  });

  it('takes one step of one vCPU, and sets no breakpoint for it', async () => {
    const { run } = await attach({ stepped: 'T05thread:02;' });
    const { result, asked } = await run({ step: 1, breakpoints: [0x2000n] });
    expect(result).to.deep.equal({ cpu: 1, reason: 'breakpoint' });
    expect(asked).to.deep.equal(['Hc2', 'vCont;s:2']);
    const first = await attach();
    expect((await first.run({ step: 0 })).asked).to.deep.equal(['Hc1', 'vCont;s:1']);
  });

  it('ends when its time is up or its caller says so, with no breakpoint left', async () => {
    for (const isAbandoned of [false, true]) {
      const abandoned = new AbortController();
      const options = isAbandoned ? { signal: abandoned.signal } : { timeoutMs: 20 };
      const { stub, client, run } = await attach();
      const running = run({ breakpoints: [0x1000n], ...options });
      await eventually('it runs', () => stub.requests.includes('vCont;c'), { betweenMs: 1 });
      if (isAbandoned) abandoned.abort();
      await eventually('it is interrupted', () => stub.strayBytes.length > 0, { betweenMs: 1 });
      expect(stub.strayBytes).to.deep.equal([3]);
      stub.send(encodePacket('T02thread:01;'));
      const { result, asked } = await running;
      expect(result).to.deep.equal({ cpu: undefined, reason: 'time-is-up' });
      expect(asked.slice(-3)).to.deep.equal(['Z1,1000,1', 'vCont;c', 'z1,1000,1']);
      expect(client.state).to.equal('open');
    }
  });

  it('fails with its connection, and then asks for nothing more', async () => {
    const { stub, client } = await attach();
    const failure = expectRejection(runOnStub(client, { breakpoints: [0x1000n], timeoutMs: 1000 }));
    await eventually('it runs', () => stub.requests.includes('vCont;c'), { betweenMs: 1 });
    stub.hangUp();
    expect(await failure).to.have.property('code', 'ERR_GDB_CLOSED');
    expect(stub.requests.at(-1)).to.equal('vCont;c');
  });

  it('fails with a refusal as it is, and takes back what was set', async () => {
    const stub = new FakeGdbStub({
      answer(payload) {
        if (payload.startsWith('qXfer')) return [LAYOUT_64];
        if (payload.endsWith('ThreadInfo')) return ['l'];
        return payload === 'Z1,2000,1' ? ['E22'] : 'default';
      },
    });
    const client = await GdbClient.connect(stub.connection);
    const failure = await expectRejection(runOnStub(client, { breakpoints: [0x1000n, 0x2000n], timeoutMs: 1000 }));
    expect(failure).to.have.property('code', 'ERR_GDB_REPLY');
    expect(stub.requests.slice(-3)).to.deep.equal(['Z1,1000,1', 'Z1,2000,1', 'z1,1000,1']);
  });
});
