import { expect } from 'chai';
import { QemuOptionError } from '../../../../src/testing/index.ts';
import { registerHooks, type TestHook } from '../../../../src/testing/shared/test-hooks.ts';

type Registered = Record<string, { run: (...args: unknown[]) => Promise<void>; limit: unknown }>;

function recorder(names: readonly string[]) {
  const registered: Registered = {};
  const hooks = Object.fromEntries(
    names.map((name) => [
      name,
      (run: () => Promise<void>, limit?: unknown) => {
        registered[name] = { run, limit };
      },
    ]),
  ) as Record<string, TestHook>;
  return { registered, hooks };
}

function around() {
  const calls: unknown[] = [];
  const note = (name: string) => (failed?: unknown) => {
    calls.push(failed === undefined ? name : [name, failed]);
    return Promise.resolve();
  };
  return {
    calls,
    hooks: {
      before: note('before'),
      after: note('after'),
      beforeEach: note('beforeEach'),
      afterEach: note('afterEach'),
    },
  };
}

describe('registerHooks', () => {
  it('gives the hooks of vitest and jest their time as a number', async () => {
    const { registered, hooks } = recorder(['beforeAll', 'afterAll', 'beforeEach', 'afterEach']);
    const { calls, hooks: mine } = around();
    registerHooks(hooks as never, mine, 5000);
    for (const name of ['beforeAll', 'beforeEach', 'afterEach', 'afterAll']) {
      expect(registered[name]?.limit).to.equal(5000);
      expect(registered[name]?.run.length, name).to.equal(0);
      await registered[name]?.run();
    }
    expect(calls).to.deep.equal(['before', 'beforeEach', 'afterEach', 'after']);
  });

  it('gives those of node:test an option, sets the time of mocha, and takes no parameter of either for a callback', async () => {
    const { registered, hooks } = recorder(['before', 'after', 'beforeEach', 'afterEach']);
    const { calls, hooks: mine } = around();
    registerHooks(hooks as never, mine, 5000);
    expect(registered['before']?.limit).to.deep.equal({ timeout: 5000 });
    expect(registered['before']?.run.length).to.equal(0);
    const times: number[] = [];
    const context = {
      timeout: (ms: number) => times.push(ms),
      currentTest: { state: 'failed', title: 'a test', err: 1 },
    };
    await registered['afterEach']?.run.call(context);
    expect(times).to.deep.equal([5000]);
    await registered['afterEach']?.run({ name: 'another', passed: false, error: 2 });
    await registered['afterEach']?.run({ name: 'a good one', passed: true });
    expect(calls).to.deep.equal([
      ['afterEach', { name: 'a test', error: 1 }],
      ['afterEach', { name: 'another', error: 2 }],
      'afterEach',
    ]);
  });

  it('finds those of the runner that this is run by', () => {
    const names: string[] = [];
    const { before: own } = globalThis as unknown as { before: unknown };
    const found = globalThis as unknown as Record<string, unknown>;
    found['before'] = () => names.push('before');
    const kept = ['after', 'beforeEach', 'afterEach'].map((name) => [name, found[name]] as const);
    for (const [name] of kept) found[name] = () => names.push(name);
    try {
      registerHooks(undefined, around().hooks, 5000);
    } finally {
      found['before'] = own;
      for (const [name, value] of kept) found[name] = value;
    }
    expect(names).to.deep.equal(['before', 'after', 'beforeEach', 'afterEach']);
  });

  it('says what to pass where there is no runner', () => {
    const found = globalThis as unknown as Record<string, unknown>;
    const own = found['before'];
    const { NODE_TEST_CONTEXT } = process.env;
    found['before'] = undefined;
    delete process.env['NODE_TEST_CONTEXT'];
    try {
      expect(() => registerHooks(undefined, around().hooks, 1)).to.throw(QemuOptionError, 'hooks: {');
    } finally {
      found['before'] = own;
      if (NODE_TEST_CONTEXT !== undefined) process.env['NODE_TEST_CONTEXT'] = NODE_TEST_CONTEXT;
    }
  });
});
