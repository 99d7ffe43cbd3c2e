import { expect } from 'chai';
import { CheckpointError, QemuOptionError } from '../../../../src/testing/errors.ts';
import type { LaunchedGuest } from '../../../../src/testing/guest/launched-guest.ts';
import { type SharedGuest, type SharedGuestOptions, sharedGuest } from '../../../../src/testing/shared/shared-guest.ts';

type Hook = () => Promise<void>;

/** A suite whose hooks are called by hand, and what its guests were asked. */
function suite(options: SharedGuestOptions, checkpoint: () => Promise<unknown>) {
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
  const state: { end: object | undefined } = { end: undefined };
  const note = (name: string) => (): Promise<void> => {
    calls.push(name);
    return Promise.resolve();
  };
  const guest = {
    get end() {
      return state.end;
    },
    checkpoint: async () => {
      calls.push('checkpoint');
      return checkpoint();
    },
    restore: note('restore'),
    stop: note('stop'),
  } as unknown as LaunchedGuest;
  const make = (): Promise<LaunchedGuest> => {
    calls.push('boot');
    state.end = undefined;
    // So that putting back is the faster way.
    return new Promise((resolve) => setTimeout(resolve, 5, guest));
  };
  const shared: SharedGuest = sharedGuest(make, { ...options, hooks: given });
  const run = async (...names: string[]): Promise<void> => {
    for (const name of names) await hooks[name]?.call(undefined);
  };
  return { shared, calls, state, run };
}

describe('sharedGuest', () => {
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
    state.end = {};
    await run('beforeEach');
    expect(calls).to.deep.equal(['boot', 'stop', 'boot']);
  });
});
