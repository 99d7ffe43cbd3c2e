import { expect } from 'chai';
import type { AbandonSignal } from '../../../../src/index.ts';
import { CheckpointError, QemuOptionError } from '../../../../src/testing/errors.ts';
import type { LaunchedGuest } from '../../../../src/testing/guest/launched-guest.ts';
import { type SharedGuest, type SharedGuestOptions, sharedGuest } from '../../../../src/testing/shared/shared-guest.ts';

type Hook = (context?: object) => Promise<void>;

/** Each keeps its process alive until it is over. */
const ends: (() => Promise<void>)[] = [];

/** A suite whose hooks are called by hand, and what its guests were asked. */
function suite(
  options: SharedGuestOptions,
  checkpoint: () => Promise<unknown>,
  restored: () => Promise<unknown> = async () => {},
  failsToBoot?: () => boolean,
) {
  const calls: string[] = [];
  const hooks: Record<string, Hook> = {};
  const keep = (name: string) => (run: Hook) => {
    hooks[name] = run;
  };
  const given = {
    before: keep('before'),
    after: keep('after'),
    beforeEach: keep('beforeEach'),
    afterEach: keep('afterEach'),
  };
  const state = { isOver: false, isHeld: false };
  const note = (name: string) => (): Promise<void> => {
    calls.push(name);
    return Promise.resolve();
  };
  const guest = {
    get isOver() {
      return state.isOver;
    },
    becomesIdle: async () => !state.isHeld,
    checkpoint: async () => {
      calls.push('checkpoint');
      return checkpoint();
    },
    restore: async () => {
      calls.push('restore');
      await restored();
    },
    stop: note('stop'),
    hasExplained: (failure: unknown) => failure === 'explained',
    saveArtifacts: note('save'),
  } as unknown as LaunchedGuest;
  const signals: AbandonSignal[] = [];
  const make = (signal: AbandonSignal): Promise<LaunchedGuest> => {
    calls.push('boot');
    signals.push(signal);
    state.isOver = false;
    state.isHeld = false;
    if (failsToBoot?.() === true) return Promise.reject(new Error('it does not boot'));
    // So that putting back is the faster way.
    return new Promise((resolve) => setTimeout(resolve, 5, guest));
  };
  const shared: SharedGuest = sharedGuest(make, { ...options, hooks: given });
  const run = async (...names: string[]): Promise<void> => {
    for (const name of names) await hooks[name]?.call(undefined);
  };
  ends.push(() => run('after'));
  return { shared, calls, state, run, signals, hooks };
}

describe('sharedGuest', () => {
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it('puts the guest back before each test but the first, and ends it', async () => {
    const { shared, calls, run } = suite({ restore: 'each' }, async () => ({}));
    expect(() => shared.guest).to.throw(QemuOptionError, /only while tests run/);
    await run('before', 'beforeEach', 'afterEach', 'beforeEach');
    expect(calls).to.deep.equal(['boot', 'checkpoint', 'restore']);
    expect(shared.times.bootMs).to.be.above(0);
    expect(shared.times.restoreMs).to.be.at.least(0);
    await run('after');
    expect(calls.at(-1)).to.equal('stop');
    expect(() => shared.guest).to.throw(QemuOptionError);
  });

  it('boots again where the guest cannot be saved, and asks that but once', async () => {
    const refused = (): Promise<never> => Promise.reject(new CheckpointError('no disk has snapshots'));
    const { calls, run } = suite({ restore: 'each' }, refused);
    await run('before', 'beforeEach', 'beforeEach', 'beforeEach');
    expect(calls).to.deep.equal(['boot', 'checkpoint', 'stop', 'boot', 'stop', 'boot']);
  });

  it('leaves the guest as the test before left it where that is wanted, and boots one that has died', async () => {
    const { calls, state, run } = suite({}, async () => ({}));
    await run('before', 'beforeEach', 'beforeEach');
    expect(calls).to.deep.equal(['boot']);
    state.isOver = true;
    await run('beforeEach');
    expect(calls).to.deep.equal(['boot', 'stop', 'boot']);
  });

  it('ends what a boot that failed has started, and what the suite has at its end', async () => {
    let boots = 0;
    const fails = () => {
      boots += 1;
      return boots === 1;
    };
    const { run, signals } = suite({}, async () => ({}), undefined, fails);
    const error = await run('before').catch((reason: Error) => reason.message);
    expect(error).to.equal('it does not boot');
    await run('before');
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, false]);
    await run('after');
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true]);
  });

  it('boots a guest that a test still holds, which ran out of time, also where nothing is put back', async () => {
    for (const [restore, expected] of [
      ['each', ['boot', 'checkpoint', 'stop', 'boot', 'checkpoint']],
      ['never', ['boot', 'stop', 'boot']],
    ] as const) {
      const { calls, state, run } = suite({ restore }, async () => ({}));
      await run('before', 'beforeEach');
      state.isHeld = true;
      await run('beforeEach');
      expect(calls).to.deep.equal(expected);
    }
  });

  it('boots a guest that dies while it is put back, and fails a test whose guest QEMU does not put back', async () => {
    let dies = true;
    const fails = (): Promise<never> => {
      if (dies) state.isOver = true;
      return Promise.reject(new CheckpointError('QEMU did not put the guest back'));
    };
    const { shared, calls, state, run } = suite({ restore: 'each' }, async () => ({}), fails);
    await run('before', 'beforeEach', 'beforeEach');
    expect(calls).to.deep.equal(['boot', 'checkpoint', 'restore', 'stop', 'boot', 'checkpoint']);
    dies = false;
    const error = await run('beforeEach').catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(CheckpointError);
    expect(calls.slice(6)).to.deep.equal(['restore']);
    expect(shared.times.restoreMs).to.equal(undefined);
  });

  it('saves no guest that is put back more slowly than booted, however slow the machine is', async () => {
    const { now } = performance;
    let nowMs = 0;
    const boots = () => {
      nowMs += 5;
      return false;
    };
    performance.now = () => nowMs;
    try {
      for (const [restoreMs, expected] of [
        [6, ['boot', 'checkpoint', 'restore', 'stop', 'boot']],
        [5, ['boot', 'checkpoint', 'restore', 'restore']],
      ] as const) {
        const puts = async () => {
          nowMs += restoreMs;
        };
        const { calls, run } = suite({ restore: 'each' }, async () => ({}), puts, boots);
        await run('before', 'beforeEach', 'beforeEach', 'beforeEach');
        expect(calls).to.deep.equal(expected);
      }
    } finally {
      performance.now = now;
    }
  });

  it('saves what explains a failed test, once', async () => {
    const { calls, run, hooks } = suite({}, async () => ({}));
    await run('before', 'beforeEach');
    await hooks['afterEach']?.({ name: 'a test', passed: false, error: 'explained' });
    expect(calls).to.deep.equal(['boot']);
    await hooks['afterEach']?.({ name: 'a test', passed: false, error: 'of the test itself' });
    expect(calls).to.deep.equal(['boot', 'save']);
  });
});
