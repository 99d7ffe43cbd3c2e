import { QemuOptionError } from '../errors.ts';

/** A function of a runner that takes what it runs around tests. @public */
export type TestHook = (run: () => Promise<void>) => unknown;

/** The hooks of a test runner, by mocha's and node:test's names, or by vitest's and jest's. @public */
export type TestHooks =
  | { readonly before: TestHook; readonly after: TestHook; readonly beforeEach: TestHook; readonly afterEach: TestHook }
  | {
      readonly beforeAll: TestHook;
      readonly afterAll: TestHook;
      readonly beforeEach: TestHook;
      readonly afterEach: TestHook;
    };

/** A test that has failed. @internal */
export interface FailedTest {
  readonly name: string;
  /** What it failed with, where the runner says; node:test wraps it. */
  readonly error: unknown;
}

/** What is run around the tests of a suite. @internal */
export interface AroundTests {
  readonly before: () => Promise<void>;
  readonly after: () => Promise<void>;
  readonly beforeEach: () => Promise<void>;
  /** @param failed - the test, where the runner says that it has failed */
  readonly afterEach: (failed: FailedTest | undefined) => Promise<void>;
}

const NAMES = ['before', 'after', 'beforeEach', 'afterEach'] as const;

/** Hands everything to a runner. @throws QemuOptionError `ERR_TESTING_OPTION` where there is none. @internal */
export function registerHooks(given: TestHooks | undefined, around: AroundTests, timeoutMs: number): void {
  const hooks = given ?? findHooks();
  if ('beforeAll' in hooks) {
    // Their second argument is a time.
    const register = (hook: TestHook, run: () => Promise<void>) =>
      (hook as (run: () => Promise<void>, timeoutMs: number) => unknown)(run, timeoutMs);
    // Each without a parameter: it would be a callback to them.
    register(hooks.beforeAll, () => around.before());
    register(hooks.afterAll, () => around.after());
    register(hooks.beforeEach, () => around.beforeEach());
    register(hooks.afterEach, () => around.afterEach(undefined));
    return;
  }
  for (const name of NAMES) registerNamed(hooks[name], around[name], timeoutMs);
}

/** node:test takes the time as an option, which mocha does not look at: there a hook sets its own. */
function registerNamed(
  hook: TestHook,
  run: (failed: FailedTest | undefined) => Promise<void>,
  timeoutMs: number,
): void {
  // Rest parameters do not count: with one that does, mocha would wait for a callback.
  const timed = async function (this: unknown, ...args: readonly unknown[]): Promise<void> {
    if (isMochaContext(this)) this.timeout(timeoutMs);
    await run(failedTest(this) ?? failedTest(args[0]));
  };
  (hook as (run: () => Promise<void>, options: object) => unknown)(timed, { timeout: timeoutMs });
}

interface MochaContext {
  readonly timeout: (ms: number) => unknown;
  readonly currentTest?: { readonly state?: string; readonly title: string; readonly err?: unknown };
}

function isMochaContext(context: unknown): context is MochaContext {
  return (
    typeof context === 'object' && context !== null && 'timeout' in context && typeof context.timeout === 'function'
  );
}

/** mocha's context, or that of node:test (`passed` from 20.12 on). */
function failedTest(context: unknown): FailedTest | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  if (isMochaContext(context)) {
    const { state, title = '', err: error } = context.currentTest ?? {};
    return state === 'failed' ? { name: title, error } : undefined;
  }
  const { passed, name, error } = context as { readonly [key: string]: unknown };
  return passed === false && typeof name === 'string' ? { name, error } : undefined;
}

function findHooks(): TestHooks {
  const found = globalThis as { readonly [name: string]: unknown };
  if (hasHooks(found, ['before', 'after', 'beforeEach', 'afterEach'])) return found as unknown as TestHooks;
  if (hasHooks(found, ['beforeAll', 'afterAll', 'beforeEach', 'afterEach'])) {
    const { beforeAll, afterAll, beforeEach, afterEach } = found as unknown as Record<string, TestHook>;
    return { beforeAll, afterAll, beforeEach, afterEach } as TestHooks;
  }
  // `node --test` says so to the processes that it starts; a file that is run by itself looks like any program.
  const { NODE_TEST_CONTEXT } = process.env;
  if (NODE_TEST_CONTEXT !== undefined) return process.getBuiltinModule('node:test');
  throw new QemuOptionError(
    'no hooks of a test runner are at hand: pass them, as in ' +
      "sharedGuest(make, { hooks: { beforeAll, afterAll, beforeEach, afterEach } }), or import * as hooks from 'node:test'",
  );
}

function hasHooks(where: { readonly [name: string]: unknown }, names: readonly string[]): boolean {
  return names.every((name) => typeof where[name] === 'function');
}
