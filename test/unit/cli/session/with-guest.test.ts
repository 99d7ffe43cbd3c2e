import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { MomentError, TraceFileError } from '../../../../src/cli/errors.ts';
import type { GuestOptions } from '../../../../src/cli/options/guest-options.ts';
import type { NamedGuest, OpenOptions } from '../../../../src/cli/options/sources/named-guest.ts';
import { viewOnce, withOpened, withView } from '../../../../src/cli/session/with-guest.ts';
import { GuestCpuError, GuestView, givenSource, type OpenGuest } from '../../../../src/guest/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';

const MEMORY = givenSource({
  vcpus: [{ registers: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n } }],
  memory: new Uint8Array(4096),
});
const VIEW = new GuestView(MEMORY);
const LIVE_VIEW = new GuestView(MEMORY);
const HOW = { hostMemory: true, live: false };

/** A guest, and in order what is done to it and by it. */
class Scene {
  readonly log: string[] = [];
  readonly said: string[] = [];
  readonly end = new AbortController();
  readonly context = quietContext({
    complain: (line) => {
      this.said.push(line);
    },
    signal: this.end.signal,
  });
  /** How it was opened. */
  how: OpenOptions | undefined;
  failure: Error | undefined;
  detachFailure: Error | undefined;

  readonly guest: OpenGuest = {
    endpoint: 'here',
    vcpus: [0],
    assumed: [],
    look: async () => {
      this.log.push('pause');
      return VIEW;
    },
    requireCpu: (cpu) => {
      this.log.push(`cpu ${cpu}`);
      if (cpu !== 0) throw new GuestCpuError(cpu, [0]);
    },
    detach: async () => {
      this.log.push('detach');
      await nextTurn();
      this.log.push('detached');
      if (this.detachFailure !== undefined) throw this.detachFailure;
    },
    running: {
      ranBefore: true,
      pausedMs: 0,
      recoveries: [],
      live: () => {
        this.log.push('live');
        return LIVE_VIEW;
      },
      resume: async () => {
        this.log.push('resume');
      },
      flushTranslations: async () => true,
      findResumption: async () => undefined,
    },
  };

  readonly source: NamedGuest = {
    whyNotLive: null,
    open: async (how) => {
      this.how = how;
      await nextTurn();
      if (this.failure !== undefined) throw this.failure;
      this.log.push('open');
      return this.guest;
    },
  };

  options(parts: Partial<GuestOptions> = {}): GuestOptions {
    return { source: this.source, cpu: 0, traceFile: undefined, strict: false, ...parts };
  }
}

const use = (scene: Scene) => async (guest: OpenGuest) => {
  scene.log.push(guest === scene.guest ? 'use' : 'use another');
  await nextTurn();
  return 'answer';
};

describe('cli/withOpened', () => {
  it('gives the result back when the guest is left', async () => {
    const scene = new Scene();
    expect(await withOpened(scene.options(), HOW, scene.context, use(scene))).to.equal('answer');
    expect(scene.log).to.deep.equal(['open', 'cpu 0', 'use', 'detach', 'detached']);
    expect(scene.said).to.deep.equal([]);
  });

  it('opens as it is told, and without what it is not told', async () => {
    const scene = new Scene();
    await withOpened(scene.options(), HOW, scene.context, use(scene));
    const { signal } = scene.end;
    const plain = { ...HOW, unneeded: {}, allowWrites: false, trace: undefined, rehearsal: undefined, signal };
    expect(scene.how).to.deep.equal(plain);
    const rehearsal = async (): Promise<void> => {};
    const how = { hostMemory: false, live: true, allowWrites: true, unneeded: { deviceState: true } } as const;
    await withOpened(scene.options(), how as typeof HOW, scene.context, use(scene), rehearsal);
    expect(scene.how).to.deep.equal({ ...how, trace: undefined, rehearsal, signal });
  });

  it('leaves the guest after a failure, and tells of that', async () => {
    const scene = new Scene();
    const failed = withOpened(scene.options(), HOW, scene.context, async () => {
      await nextTurn();
      throw new Error('failed');
    });
    expect((await expectRejection(failed)).message).to.equal('failed');
    expect(scene.log).to.deep.equal(['open', 'cpu 0', 'detach', 'detached']);
  });

  it('tells of leaving where that fails, after another failure or without', async () => {
    const scene = new Scene();
    scene.detachFailure = new Error('stuck');
    expect((await expectRejection(withOpened(scene.options(), HOW, scene.context, use(scene)))).message).to.equal(
      'stuck',
    );
    const failure = new Error('failed');
    const both = await expectRejection(withOpened(scene.options(), HOW, scene.context, () => Promise.reject(failure)));
    expect(both).to.be.instanceOf(AggregateError);
    expect((both as AggregateError).errors).to.deep.equal([failure, scene.detachFailure]);
  });

  it('asks nothing of a vCPU that there is not', async () => {
    const scene = new Scene();
    const refused = await expectRejection(withOpened(scene.options({ cpu: 3 }), HOW, scene.context, use(scene)));
    expect(refused).to.be.instanceOf(GuestCpuError);
    expect(scene.log).to.deep.equal(['open', 'cpu 3', 'detach', 'detached']);
  });

  it('tells why it cannot be opened, or the signal that came meanwhile', async () => {
    const scene = new Scene();
    scene.failure = new Error('no such socket');
    const open = () => expectRejection(withOpened(scene.options(), HOW, scene.context, use(scene)));
    expect(await open()).to.equal(scene.failure);
    scene.end.abort(new Error('enough'));
    expect((await open()).message).to.equal('enough');
    expect(scene.log).to.deep.equal([]);
  });

  it('asks nothing where the signal came before it was open', async () => {
    const scene = new Scene();
    scene.end.abort(new Error('enough'));
    expect((await expectRejection(withOpened(scene.options(), HOW, scene.context, use(scene)))).message).to.equal(
      'enough',
    );
    expect(scene.log).to.deep.equal(['open', 'detach', 'detached']);
  });

  it('leaves the guest at once with the signal, under the question, and tells of the signal', async () => {
    for (const ends of ['with an answer', 'with a failure']) {
      const scene = new Scene();
      const asked = withOpened(scene.options(), HOW, scene.context, async () => {
        scene.end.abort(new Error('enough'));
        scene.log.push('aborted');
        await nextTurn();
        if (ends === 'with a failure') throw new Error('the connection is closed');
      });
      expect((await expectRejection(asked)).message, ends).to.equal('enough');
      expect(scene.log.slice(0, 4), ends).to.deep.equal(['open', 'cpu 0', 'detach', 'aborted']);
    }
  });

  it('hears no signal any more when it is over', async () => {
    for (const fails of [false, true]) {
      const scene = new Scene();
      const asked = withOpened(scene.options(), HOW, scene.context, () =>
        fails ? Promise.reject(new Error('failed')) : Promise.resolve(),
      );
      await asked.catch(() => {});
      const before = [...scene.log];
      scene.end.abort(new Error('enough'));
      expect(scene.log).to.deep.equal(before);
    }
  });

  it('says nothing of leaving that fails when the signal has fired, but what is waited for', async () => {
    const scene = new Scene();
    scene.detachFailure = new Error('stuck');
    const asked = withOpened(scene.options(), HOW, scene.context, async () => {
      scene.end.abort(new Error('enough'));
      await nextTurn();
      throw new Error('closed');
    });
    const both = (await expectRejection(asked)) as AggregateError;
    expect(both.errors.map(String)).to.deep.equal(['Error: enough', 'Error: stuck']);
  });

  it('says what was put back that others had left', async () => {
    const scene = new Scene();
    const { running } = scene.guest;
    const recovery = { client: 7, since: '2026-01-01T00:00:00.000Z', resumption: 'resumed', foundState: 'paused' };
    const recoveries = [
      { ...recovery, physicalModeOff: null, stubRemoved: null },
      { ...recovery, client: 8, physicalModeOff: true, stubRemoved: null },
    ];
    Object.assign(running ?? {}, { recoveries: recoveries.slice(0, 1) });
    await withOpened(scene.options(), HOW, scene.context, use(scene));
    expect(scene.said.splice(0)).to.have.length(1);
    Object.assign(running ?? {}, { recoveries });
    await withOpened(scene.options(), HOW, scene.context, use(scene));
    expect(scene.said).to.have.length(2);
    expect(scene.said[0]).to.match(/^pagewalk: process 7, attached since 2026-01-01T00:00:00.000Z, was killed before/);
    expect(scene.said[1]).to.match(/^pagewalk: process 8, .*; the GDB stub is in virtual mode$/);
  });

  it('asks a guest that does not run likewise', async () => {
    const scene = new Scene();
    const still = { ...scene.guest, running: undefined };
    const source = { ...scene.source, open: async () => still };
    expect(await withOpened(scene.options({ source }), HOW, scene.context, async (guest) => guest)).to.equal(still);
  });

  it('waits for a moment', async () => {
    const scene = new Scene();
    const until = { text: 'kernel', condition: { kind: 'kernel' }, withinMs: 60_000, command: 'map' } as const;
    const asked = async (guest: OpenGuest): Promise<string> => {
      expect(await guest.look()).to.equal(VIEW);
      return guest === scene.guest ? 'the same' : 'one that waits';
    };
    expect(await withOpened(scene.options({ until }), HOW, scene.context, asked)).to.equal('one that waits');
    expect(scene.said).to.deep.equal(['pagewalk: --until kernel: true of vCPU 0 in pause 1']);
    Object.assign(scene.guest.running ?? {}, { ranBefore: false });
    const user = { ...until, text: 'user', condition: { kind: 'user' } } as const;
    const missed = withOpened(scene.options({ until: user }), HOW, scene.context, asked);
    expect(await expectRejection(missed)).to.be.instanceOf(MomentError);
  });

  describe('with a trace', () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'pagewalk-trace-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('writes what travels', async () => {
      const scene = new Scene();
      const traceFile = join(folder, 'trace');
      await withOpened(scene.options({ traceFile }), HOW, scene.context, async () => {
        scene.how?.trace?.({ channel: 'gdb', direction: '->', text: '$g#67' });
      });
      expect(readFileSync(traceFile, 'utf8')).to.match(/ gdb {2}1 -> {2}\$g#67\n$/);
      expect(scene.said).to.deep.equal([]);
    });

    it('opens nothing where it cannot be written, and says so where it ends too early', async () => {
      const scene = new Scene();
      const none = scene.options({ traceFile: join(folder, 'no', 'such') });
      expect(await expectRejection(withOpened(none, HOW, scene.context, use(scene)))).to.be.instanceOf(TraceFileError);
      expect(scene.log).to.deep.equal([]);
      for (const fails of [false, true]) {
        scene.said.length = 0;
        await withOpened(scene.options({ traceFile: '/dev/full' }), HOW, scene.context, async () => {
          scene.how?.trace?.({ channel: 'gdb', direction: '->', text: '$g#67' });
          if (fails) throw new Error('failed');
        }).catch(() => {});
        expect(scene.said).to.have.length(1);
        expect(scene.said[0]).to.match(/^pagewalk: cannot write the trace to \/dev\/full: ENOSPC/);
      }
    });
  });
});

describe('cli/withView', () => {
  it('pauses the guest for a look, and rehearses it', async () => {
    const scene = new Scene();
    const rehearsal = async (): Promise<void> => {};
    const ask = async (view: GuestView, guest: OpenGuest) => [view === VIEW, guest === scene.guest];
    expect(await withView(scene.options(), { ...HOW, rehearsal }, scene.context, ask)).to.deep.equal([true, true]);
    expect(scene.log).to.deep.equal(['open', 'cpu 0', 'pause', 'detach', 'detached']);
    expect(scene.how?.rehearsal).to.equal(rehearsal);
  });

  it('asks it live without a pause, and rehearses nothing', async () => {
    const scene = new Scene();
    const live = { hostMemory: true, live: true, rehearsal: async (): Promise<void> => {} };
    expect(await withView(scene.options(), live, scene.context, async (view) => view === LIVE_VIEW)).to.equal(true);
    expect(scene.log).to.deep.equal(['open', 'cpu 0', 'live', 'detach', 'detached']);
    expect(scene.how?.rehearsal).to.equal(undefined);
  });

  it('looks at a guest that does not run, also where it is asked live', async () => {
    const scene = new Scene();
    const still = { ...scene.guest, running: undefined };
    expect(await viewOnce(still, { live: true }, async (view) => view)).to.equal(VIEW);
    expect(scene.log).to.deep.equal(['pause']);
  });

  it('voids the live view when the question is answered, and not before', async () => {
    const scene = new Scene();
    let isDisposed = false;
    const view = { [Symbol.dispose]: () => (isDisposed = true) } as unknown as GuestView;
    Object.assign(scene.guest.running ?? {}, { live: () => view });
    const asked = await viewOnce(scene.guest, { live: true }, async (own) => {
      await nextTurn();
      return own === view && !isDisposed;
    });
    expect([asked, isDisposed]).to.deep.equal([true, true]);
  });
});
