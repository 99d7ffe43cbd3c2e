import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { nowMs } from '../../../protocols/transport/internal.ts';
import { Guest } from '../../../src/guest/guest.ts';
import { GuestCpuError, GuestUsageError, type GuestView } from '../../../src/guest/index.ts';
import type { AttachOptions } from '../../../src/guest/link/attach-options.ts';
import type { Link, RunOptions } from '../../../src/guest/link/link.ts';
import { HostPlaces } from '../../../src/guest/memory/host/host-places.ts';
import { MemoryMapMemo } from '../../../src/guest/qemu/memory-map-memo.ts';
import { SCRIPTED_PROCESSOR, scriptedLink } from '../../../src/guest/rehearsal/scripted-link.ts';
import { connectScriptedStub } from '../../../src/guest/rehearsal/scripted-stub.ts';
import { StubSession } from '../../../src/guest/stub/stub-session.ts';
import { expectRejection } from '../../support/expect-rejection.ts';

const READ = { write: false, user: false, exec: false };
/** Mapped by the tables of the script. */
const MAPPED = 0x40_1234n;
const LONG_AGO_MS = 1_000_000;
const VOID = 'this pause is over; pause the guest again to ask it more';

interface Made {
  readonly guest: Guest;
  /** What was done to the link, in order. */
  readonly log: string[];
  /** What was sent to the stub. */
  readonly sent: string[];
}

const open: (() => Promise<void>)[] = [];

/** A guest behind a link that leads to the script. */
async function make(replaced: Partial<Link> = {}, options: AttachOptions = { hostMemory: false }): Promise<Made> {
  const connection = connectScriptedStub();
  open.push(() => connection.close());
  const log: string[] = [];
  const sent: string[] = [];
  const times = { timeoutMs: 5000, requestTimeoutMs: 5000 };
  const trace = ({ direction, text }: { readonly direction: string; readonly text: string }): void => {
    if (direction === '->') sent.push(text);
  };
  const client = await GdbClient.connect(connection, { ...times, trace });
  const stub = StubSession.over(client, { endpoint: connection.endpoint, ...times });
  await stub.enter();
  const link: Link = {
    ...scriptedLink(),
    endpoint: 'unix:/run/vm.qmp',
    asksLive: true,
    pause: async () => {
      log.push('paused');
      return stub;
    },
    resume: async () => {
      await nextTurn();
      log.push('resumed');
    },
    release: async () => {
      await nextTurn();
      log.push('released');
    },
    ...replaced,
  };
  const cpus = [0, 3].map((index) => ({ index, qomPath: `/machine/cpu[${index}]`, threadId: undefined }));
  const known = { maps: new MemoryMapMemo(), places: new HostPlaces() };
  const guest = new Guest(link, cpus, SCRIPTED_PROCESSOR, options, known, nowMs() - LONG_AGO_MS);
  return { guest, log, sent };
}

async function leadsTo(view: GuestView): Promise<string> {
  const [answer] = await view.translate([{ linearAddress: MAPPED, access: READ }]);
  return `${answer?.translation.kind} by vCPU ${answer?.cpu}`;
}

describe('guest/Guest', () => {
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  it('says what is known of it before it is paused', async () => {
    const { guest } = await make();
    expect(guest.endpoint).to.equal('unix:/run/vm.qmp');
    expect([guest.vcpus, guest.vcpuCount]).to.deep.equal([[0, 3], 2]);
    expect(guest.processor).to.equal(SCRIPTED_PROCESSOR);
    expect([guest.ranBefore, guest.pausedMs, guest.assumed, guest.recoveries]).to.deep.equal([true, 0, [], []]);
    expect(guest.running).to.equal(guest);
    guest.requireCpu(3);
    expect(() => guest.requireCpu(1)).to.throw(GuestCpuError, 'there is no vCPU 1: this guest has vCPUs 0 and 3');
  });

  it('says what its link says: whether it ran, what is assumed of that, what was put back, what has resumed it', async () => {
    const resumption = new Error('another client has resumed the guest');
    const recoveries = [{ restored: [], failed: [] }] as never;
    const { guest } = await make({
      ranBefore: undefined,
      runStateCause: { code: 'stub-tells-no-run-state' },
      recoveries,
      findResumption: async () => resumption,
    });
    expect(guest.ranBefore).to.equal(undefined);
    expect(guest.assumed).to.deep.equal([
      { name: 'runState', value: 'running', cause: { code: 'stub-tells-no-run-state' }, decides: false },
    ]);
    expect(guest.recoveries).to.equal(recoveries);
    expect(await guest.findResumption()).to.equal(resumption);
  });

  it('is asked in a pause, and by no view of one that is over', async () => {
    const { guest, log } = await make();
    const first = await guest.pause();
    expect(await leadsTo(first)).to.equal('mapped by vCPU 0');
    const second = await guest.look();
    expect(await leadsTo(second)).to.equal('mapped by vCPU 0');
    expect((await expectRejection(leadsTo(first))).message).to.equal(VOID);
    await guest.resume();
    expect((await expectRejection(leadsTo(second))).message).to.equal(VOID);
    const third = await guest.pause();
    await guest.detach();
    expect((await expectRejection(leadsTo(third))).message).to.equal(VOID);
    expect(log).to.deep.equal(['paused', 'paused', 'resumed', 'paused', 'released']);
  });

  it('is written only where that was allowed', async () => {
    const refused = await make();
    const refusal = await expectRejection((await refused.guest.pause()).writePhysical(0x2000n, Uint8Array.of(1)));
    expect(refusal.message).to.equal('memory is written only for those who say so: attach({ allowWrites: true })');
    const { guest } = await make({}, { hostMemory: false, allowWrites: true });
    const view = await guest.pause();
    await view.writePhysical(0x2000n, Uint8Array.of(1, 2, 3));
    expect([...(await view.readPhysical(0x2000n, 3))]).to.deep.equal([1, 2, 3]);
  });

  it('is asked live through a monitor alone', async () => {
    const { guest, log } = await make({ asksLive: false });
    expect(() => guest.live()).to.throw(
      GuestUsageError,
      'a guest can be asked live only through QMP: the GDB stub pauses it',
    );
    const live = (await make()).guest.live();
    expect(live.notes.map(({ name }) => name)).to.deep.equal(['moment']);
    expect(log).to.deep.equal([]);
  });

  it('has been paused since the stub was connected, where connecting pauses it; else since it was asked to pause', async () => {
    const through = await make({ asksLive: false });
    expect(through.guest.pausedMs).to.be.at.least(LONG_AGO_MS);
    await through.guest.pause();
    expect(through.guest.pausedMs).to.be.at.least(LONG_AGO_MS);
    await through.guest.resume();
    const total = through.guest.pausedMs;
    expect(total).to.be.at.least(LONG_AGO_MS);
    const { guest } = await make();
    await guest.pause();
    expect(guest.pausedMs).to.be.above(0);
    await guest.detach();
    expect(guest.pausedMs).to.be.above(0);
    expect(guest.pausedMs).to.be.below(LONG_AGO_MS);
  });

  it('is paused no longer once it runs again', async () => {
    for (const end of ['resume', 'detach'] as const) {
      const { guest } = await make();
      await guest.pause();
      await guest[end]();
      const total = guest.pausedMs;
      await nextTurn();
      expect(guest.pausedMs).to.equal(total);
    }
  });

  it('is read from this host unless that was not wanted', async () => {
    for (const [options, looks] of [
      [{}, true],
      [{ hostMemory: true }, true],
      [{ hostMemory: false }, false],
    ] as const) {
      const { guest } = await make({}, options);
      const { provider, attempts } = await (await guest.pause()).memoryReport();
      expect([provider, attempts.length > 0]).to.deep.equal(['gdb-stub', looks]);
    }
  });

  it('was not paused here where it had been paused before', async () => {
    for (const [ranBefore, isCounted] of [
      [true, true],
      [undefined, true],
      [false, false],
    ] as const) {
      for (const end of ['resume', 'detach'] as const) {
        const { guest } = await make({ asksLive: false, ranBefore });
        await guest[end]();
        expect(guest.pausedMs >= LONG_AGO_MS, `${ranBefore}, ${end}`).to.equal(isCounted);
        if (!isCounted) expect(guest.pausedMs).to.equal(0);
      }
    }
  });

  it('is resumed whatever a question comes to', async () => {
    const { guest, log } = await make();
    expect(await guest.whilePaused(leadsTo)).to.equal('mapped by vCPU 0');
    expect(log).to.deep.equal(['paused', 'resumed']);
    const failure = await expectRejection(guest.whilePaused(() => Promise.reject(new Error('no such thing'))));
    expect(failure.message).to.equal('no such thing');
    expect(log).to.deep.equal(['paused', 'resumed', 'paused', 'resumed']);
  });

  it('fails because another client has resumed it, where one has, whatever resuming comes to then', async () => {
    const { guest, log } = await make({
      findResumption: async () => new Error('another client has resumed the guest'),
      resume: async () => {
        await nextTurn();
        log.push('tried');
        throw new Error('it is not there any more');
      },
    });
    const failure = await expectRejection(guest.whilePaused(() => Promise.reject(new Error('no such thing'))));
    expect(failure.message).to.equal('another client has resumed the guest');
    expect(log).to.deep.equal(['paused', 'tried']);
    const told = await expectRejection(guest.whilePaused(leadsTo));
    expect(told.message, 'where the question has come to an answer').to.equal('it is not there any more');
  });

  it('forgets its translations when it is told to', async () => {
    const { guest, log, sent } = await make();
    sent.splice(0);
    expect(await guest.flushTranslations()).to.equal(true);
    expect(log).to.deep.equal(['paused']);
    const points = sent.flatMap((text) => /\$([Zz]\d),/.exec(text)?.[1] ?? []);
    expect(points.map((each) => each[0])).to.deep.equal(['Z', 'z']);
  });

  it('is let run as it is told, and has no view of the pause before', async () => {
    const asked: RunOptions[] = [];
    const run = { cpu: 3, reason: 'breakpoint' } as const;
    const { guest } = await make({
      run: async (options) => {
        asked.push(options);
        return run;
      },
    });
    const view = await guest.pause();
    const options = { breakpoints: [0x1000n], timeoutMs: 7 };
    expect(await guest.run(options)).to.equal(run);
    expect(asked).to.deep.equal([options]);
    expect((await expectRejection(leadsTo(view))).message).to.equal(VOID);
    expect(await leadsTo(await guest.pause())).to.equal('mapped by vCPU 0');
  });

  it('has registers, by vCPU and name, that can be changed', async () => {
    const { guest, log, sent } = await make();
    const registers = await guest.readRegisters(3);
    expect([registers.get('cr3'), registers.get('cr0'), registers.get('efer')]).to.deep.equal([
      ...[0x1000n, 0x8005_0033n, 0xd01n],
    ]);
    await guest.writeRegisters(3, [
      ['cr3', 0x1234n],
      ['rip', 0x5678n],
    ]);
    expect(log).to.deep.equal(['paused', 'paused']);
    const written = sent.flatMap((text) => [...text.matchAll(/\$P[0-9a-f]+=([0-9a-f]{4})/g)].map(([, value]) => value));
    expect(written, 'in the order given, little-endian').to.deep.equal(['3412', '7856']);
    expect(
      sent.filter((text) => text.startsWith('$Hg')),
      'threads begin at 1',
    ).to.deep.equal(['$Hg4#e3', '$Hg4#e3']);
    for (const ask of [() => guest.readRegisters(1), () => guest.writeRegisters(1, [])]) {
      expect(await expectRejection(ask())).to.be.instanceOf(GuestCpuError);
    }
    expect(log).to.deep.equal(['paused', 'paused']);
  });
});
