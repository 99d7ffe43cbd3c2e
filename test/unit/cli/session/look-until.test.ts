import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { MomentError, UsageError } from '../../../../src/cli/errors.ts';
import { parseUntil, type Until } from '../../../../src/cli/options/moment/until.ts';
import { waitingGuest } from '../../../../src/cli/session/look-until.ts';
import { openDump } from '../../../../src/dump/index.ts';
import type { UnavailableCause, VcpuState } from '../../../../src/guest/index.ts';
import {
  type GuestSource,
  type GuestView,
  givenSource,
  type OpenGuest,
  StillGuest,
  GuestView as View,
} from '../../../../src/guest/index.ts';
import { assumed } from '../../../../src/guest/vcpu/sourced.ts';
import { linuxDump } from '../../../support/builders/linux-dump.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const parse = (text: string, within = '60000') =>
  parseUntil(
    {
      values: new Map([
        ['until', text],
        ['within', within],
      ]),
      lists: new Map(),
      flags: new Set(),
      positionals: [],
    },
    'state',
  );

/** A guest whose CR3 is another in each pause: 0x1000, 0x2000, …. */
function changingGuest(
  ranBefore = true,
  sourceOf = (pauses: number): GuestSource => sourceWith({ cr3: BigInt(pauses) * 0x1000n }),
): OpenGuest & { readonly log: string[] } {
  const log: string[] = [];
  const look = async (): Promise<GuestView> => {
    log.push('pause');
    return new View(sourceOf(log.filter((each) => each === 'pause').length));
  };
  return {
    log,
    endpoint: 'nowhere',
    vcpus: [0],
    assumed: [],
    look,
    requireCpu() {},
    detach: () => Promise.resolve(),
    running: {
      ranBefore,
      pausedMs: 0,
      recoveries: [],
      live: () => {
        throw new Error('not live');
      },
      resume: async () => {
        log.push('resume');
      },
      flushTranslations: async () => true,
      findResumption: async () => undefined,
    },
  };
}

const LONG_MODE = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0x500n };

function sourceWith(registers: Partial<typeof LONG_MODE>): GuestSource {
  return givenSource({ vcpus: [{ registers: { ...LONG_MODE, ...registers } }], memory: new Uint8Array(4096) });
}

/** A vCPU of which it is unavailable whether it runs a nested guest. */
function hidingNested(cause: UnavailableCause): GuestSource {
  const source = sourceWith({});
  return {
    ...source,
    readVcpu: async (cpu) => {
      const vcpu = await source.readVcpu(cpu);
      return { ...vcpu, state: { ...vcpu.state, nested: assumed(null, cause) } };
    },
  };
}

const waitFor = (guest: OpenGuest, text: string, context = asking().context, within?: string) => {
  const until = parse(text, within);
  if (until === undefined) throw new Error('nothing to wait for');
  return waitingGuest(guest, until, 0, context);
};

function asking() {
  const said: string[] = [];
  const { signal } = new AbortController();
  return { said, context: { environment: {}, complain: (line: string) => said.push(line), signal } };
}

describe('cli/waitingGuest', () => {
  it('resumes the guest between pauses, and says how many there were', async () => {
    const guest = changingGuest();
    const { said, context } = asking();
    const waiting = waitFor(guest, 'cr3=0x3000', context);
    const view = await waiting.look();
    expect((await view.vcpuState(0)).cr3.value).to.equal(0x3000n);
    expect(guest.log).to.deep.equal(['pause', 'resume', 'pause', 'resume', 'pause']);
    expect(said).to.deep.equal(['pagewalk: --until cr3=0x3000: true of vCPU 0 in pause 3']);
  });

  it('says so once, of a question that looks twice', async () => {
    const { said, context } = asking();
    const waiting = waitFor(changingGuest(), 'kernel', context);
    for (const _ of [1, 2]) await waiting.look();
    expect(said).to.deep.equal(['pagewalk: --until kernel: true of vCPU 0 in pause 1']);
  });

  it('takes of CR3 what the mode makes an address: with PAE tables lie 32 bytes apart', async () => {
    const guest = changingGuest(true, (pauses) => sourceWith({ cr3: 0x1000n + 0x20n * BigInt(pauses), efer: 0n }));
    await waitFor(guest, 'cr3=0x1060').look();
    expect(guest.log.filter((each) => each === 'pause')).to.have.length(3);
    // With 4 levels these bits are a process-context identifier, and others.
    const long = changingGuest(true, (pauses) => sourceWith({ cr3: BigInt(pauses) * 0x1000n + 0x7ffn }));
    await waitFor(long, 'cr3=0x2000').look();
    expect(long.log.filter((each) => each === 'pause')).to.have.length(2);
  });

  it('knows that a nested guest runs where KVM hides its tables, and says why where it cannot know', async () => {
    const hidden = changingGuest(true, () => hidingNested({ code: 'kvm-hides-nested-tables' }));
    await waitFor(hidden, 'nested').look();
    const untold = changingGuest(true, () => hidingNested({ code: 'no-qmp' }));
    const error = await expectRejection(waitFor(untold, 'nested').look());
    expect(error).to.be.instanceOf(MomentError).that.includes({ pauses: 1 });
    expect(String(error)).to.match(/--until nested: it cannot be told of vCPU 0: .*QMP/);
  });

  it('leaves a guest running whose moment does not come in time', async () => {
    const guest = changingGuest();
    const error = await expectRejection(waitFor(guest, 'cr3=0x999000', asking().context, '1').look());
    expect(error).to.be.instanceOf(MomentError).that.includes({ code: 'ERR_CLI_MOMENT', exitStatus: 3 });
    expect(guest.log.at(-1)).to.equal('resume');
  });

  it('does not wait for a guest that does not run', async () => {
    const error = await expectRejection(waitFor(changingGuest(false), 'cr3=0x999000').look());
    expect((error as Error).message).to.contain('the guest does not run');
    const still = new StillGuest(
      givenSource({ vcpus: [{ registers: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n } }], memory: new Uint8Array(4096) }),
      'x',
    );
    expect(await expectRejection(waitFor(still, 'user').look())).to.be.instanceOf(MomentError);
  });
});

describe('cli/waitingGuest, by what it is waited for', () => {
  const sourced = <T>(value: T) => ({ value, from: 'gdb-stub', detail: 'a register' }) as const;

  /** A guest that runs, with these states of its vCPU, one in each pause, the last again and again. */
  function guestWith(...states: readonly Partial<VcpuState>[]) {
    const log: string[] = [];
    const guest = changingGuest();
    let pauses = 0;
    const look = async (): Promise<GuestView> => {
      log.push('pause');
      const state = vcpuStateWith(states[Math.min(pauses, states.length - 1)]);
      pauses += 1;
      return { vcpuState: async (cpu: number) => ({ ...state, cpu }) } as unknown as GuestView;
    };
    const resume = async (): Promise<void> => {
      log.push('resume');
      await nextTurn();
      log.push('resumed');
    };
    return { log, guest: { ...guest, look, running: { ...guest.running, resume } } as OpenGuest };
  }

  const until = (text: string, withinMs = 60_000): Until => {
    const parsed = parse(text);
    if (parsed === undefined) throw new Error('nothing to wait for');
    return { ...parsed, withinMs };
  };

  async function pausesUntil(text: string, ...states: readonly Partial<VcpuState>[]): Promise<number> {
    const { guest, log } = guestWith(...states);
    await waitingGuest(guest, until(text), 0, asking().context).look();
    return log.filter((each) => each === 'pause').length;
  }

  const [kernel, user] = [{ cpl: sourced(0) }, { cpl: sourced(3) }];

  it('knows user mode by the privilege level, and the kernel by any other', async () => {
    expect(await pausesUntil('user', kernel, { cpl: sourced(2) }, user)).to.equal(3);
    expect(await pausesUntil('kernel', user, kernel)).to.equal(2);
    expect(await pausesUntil('kernel', { cpl: sourced(1) })).to.equal(1);
  });

  it('knows a nested guest where its second stage is known', async () => {
    const nested = { kind: 'npt', root: 0n } as unknown as VcpuState['nested']['value'];
    const [off, on] = [{ nested: sourced(null) }, { nested: sourced(nested) }];
    expect(await pausesUntil('nested', off as Partial<VcpuState>, on as Partial<VcpuState>)).to.equal(2);
  });

  it('compares CR3 as a whole where paging is off', async () => {
    const off = (cr3: bigint) => ({ cr0: sourced(0x11n), cr3: sourced(cr3) });
    expect(await pausesUntil('cr3=0x1001', off(0x1000n), off(0x1001n))).to.equal(2);
  });

  it('looks again when the guest was resumed, and not before', async () => {
    const { guest, log } = guestWith(kernel, user);
    await waitingGuest(guest, until('user'), 0, asking().context).look();
    expect(log).to.deep.equal(['pause', 'resume', 'resumed', 'pause']);
  });

  it('fails where the guest cannot be resumed', async () => {
    const { guest } = guestWith(kernel);
    const failure = new Error('stuck');
    const running = { ...guest.running, resume: () => Promise.reject(failure) } as OpenGuest['running'];
    const waiting = waitingGuest({ ...guest, running }, until('user'), 0, asking().context);
    expect(await expectRejection(waiting.look())).to.equal(failure);
  });

  it('ends with the signal while the guest runs', async () => {
    const { guest, log } = guestWith(kernel);
    const end = new AbortController();
    const resume = async (): Promise<void> => {
      end.abort(new Error('enough'));
    };
    const running = { ...guest.running, resume } as OpenGuest['running'];
    const context = { ...asking().context, signal: end.signal };
    const ended = await expectRejection(waitingGuest({ ...guest, running }, until('user'), 0, context).look());
    expect(ended.name).to.equal('AbortError');
    expect(log).to.deep.equal(['pause']);
  });

  it('says how often it has looked, and how long', async () => {
    const { guest, log } = guestWith(kernel);
    const missed = await expectRejection(waitingGuest(guest, until('user', 0), 5, asking().context).look());
    expect(missed).to.include({
      message: '--until user: never true of vCPU 5 in 1 pauses within 0 ms; --within MS waits longer',
      until: 'user',
      pauses: 1,
    });
    expect(log).to.deep.equal(['pause', 'resume', 'resumed']);
    const running = { ...guest.running, ranBefore: false } as OpenGuest['running'];
    const still = waitingGuest({ ...guest, running }, until('user'), 5, asking().context);
    expect((await expectRejection(still.look())).message).to.equal(
      '--until user: vCPU 5 is somewhere else, and stays there: the guest does not run',
    );
  });

  it('is the guest in all else', async () => {
    const { guest, log } = guestWith(kernel);
    const failure = new Error('no such vCPU');
    const own: OpenGuest = {
      ...guest,
      requireCpu: (cpu) => {
        log.push(`cpu ${cpu}`);
        throw failure;
      },
      detach: async () => void log.push('detach'),
    };
    const waiting = waitingGuest(own, until('user'), 0, asking().context);
    const { endpoint, vcpus, assumed: noted, running } = waiting;
    expect({ endpoint, vcpus, noted, running }).to.deep.equal({
      ...{ endpoint: own.endpoint, vcpus: own.vcpus, noted: own.assumed, running: own.running },
    });
    expect(() => waiting.requireCpu(7)).to.throw(failure.message);
    await waiting.detach();
    expect(log).to.deep.equal(['cpu 7', 'detach']);
  });

  describe('a process', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-until-'));
    after(() => rmSync(folder, { recursive: true }));

    /** The dump as a guest that runs, and is the same in each pause. */
    async function linuxGuest(dump = linuxDump()) {
      const file = join(folder, 'guest.elf');
      writeFileSync(file, dump);
      const still = await openDump(file);
      const { log, guest } = guestWith({});
      const look = async (): Promise<GuestView> => {
        log.push('pause');
        return still.look();
      };
      return { log, guest: { ...guest, look, detach: () => still.detach() } as OpenGuest };
    }
    const context = () => ({
      ...asking().context,
      environment: { XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')) },
    });

    it('is known by its tables', async () => {
      for (const text of ['process=sh', 'process=7', 'process=8']) {
        const { guest, log } = await linuxGuest();
        const waiting = waitingGuest(guest, until(text), 1, context());
        expect((await (await waiting.look()).vcpuState(1)).cr3.value, text).to.equal(0x1_8000n);
        // Its names are made, or read, while the guest runs.
        expect(log, text).to.deep.equal(['pause', 'resume', 'resumed', 'pause']);
        await waiting.look();
        expect(log.slice(4), 'known by now').to.deep.equal(['pause']);
        await guest.detach();
      }
    });

    it('is somewhere else while other tables are in use', async () => {
      const { guest } = await linuxGuest();
      const missed = await expectRejection(waitingGuest(guest, until('process=sh', 0), 0, context()).look());
      expect(missed).to.be.instanceOf(MomentError).that.includes({ pauses: 1 });
      await guest.detach();
    });

    it('is refused where there is none, as the command line says it', async () => {
      const { guest } = await linuxGuest();
      const refused = await expectRejection(waitingGuest(guest, until('process=bash'), 0, context()).look());
      expect(refused).to.be.instanceOf(UsageError).that.includes({
        message: 'no process has the name "bash"',
        command: 'state',
      });
      await guest.detach();
    });

    it('is in the kernel as in user mode, where tables are isolated', async () => {
      const { guest } = await linuxGuest(linuxDump({ isIsolated: true }));
      for (const [text, cpu, root] of [
        ['process=init', 0, 0xa000n],
        ['process=sh', 1, 0x1_9000n],
      ] as const) {
        const waiting = waitingGuest(guest, until(text, 0), cpu, context());
        expect((await (await waiting.look()).vcpuState(cpu)).cr3.value, text).to.equal(root);
      }
      await guest.detach();
    });
  });
});

describe('cli/parseUntil', () => {
  it('understands each moment', () => {
    expect(
      ['user', 'kernel', 'nested', 'cr3=0x1000', 'process=91', 'process=bash'].map((text) => parse(text)?.condition),
    ).to.deep.equal([
      { kind: 'user' },
      { kind: 'kernel' },
      { kind: 'nested' },
      { kind: 'cr3', cr3: 0x1000n },
      { kind: 'process', process: 91 },
      { kind: 'process', process: 'bash' },
    ]);
  });

  it('refuses what is none, and what cannot be', () => {
    expect(() => parse('soon')).to.throw(
      '--until "soon" is none of user, kernel, nested, cr3=VALUE, process=PID and process=NAME',
    );
    const live = { values: new Map([['until', 'user']]), lists: new Map(), flags: new Set(['live']), positionals: [] };
    expect(() => parseUntil(live, 'map')).to.throw('--until pauses the guest, and --live does not');
    const alone = { values: new Map([['within', '5']]), lists: new Map(), flags: new Set<string>(), positionals: [] };
    expect(() => parseUntil(alone, 'map')).to.throw('--within needs --until');
  });
});
