import { describeEnd, runCommand, unseemly } from '../rig/command-run.ts';
import type { Direction, Passing, Protocol } from '../rig/message-proxy.ts';
import { eventually } from '../rig/patience.ts';
import { ProxiedGuest } from '../rig/proxied-guest.ts';
import type { RawMonitor } from '../rig/raw/raw-monitor.ts';
import { Sandbox } from '../rig/sandbox.ts';
import type { TortureGuestOptions } from '../rig/torture-guest.ts';

const STATE_WITHIN_MS = 15_000;
const QUESTION = ['map', '--no-host-memory'];
const TIMEOUT = ['--timeout', '4000'];

/** Something that another client does to the machine while we are at it. */
export interface Intervention {
  readonly name: string;
  readonly guest?: TortureGuestOptions;
  act(monitor: RawMonitor): Promise<void>;
  /** The run state that the guest has afterwards, when it ran before; null when QEMU ends. */
  readonly endsAs: string | null;
  /** Where it may come between a client's last look and its `cont`: the guest is stopped at once, and that is said. */
  readonly isSeenTooLate?: RegExp;
}

/** What a client says of a guest that it has resumed, and must not have. */
const STOPPED_AGAIN = /into the state "postmigrate" in the moment in which it was resumed .* has been stopped again/;

const MORE_MEMORY: TortureGuestOptions = { sharedMemory: false, memory: '32M,slots=4,maxmem=1G' };

async function plugMemory(monitor: RawMonitor): Promise<void> {
  await monitor.execute('object-add', { 'qom-type': 'memory-backend-ram', id: 'more', size: 128 << 20 });
  await monitor.execute('device_add', { driver: 'pc-dimm', id: 'dimm', memdev: 'more' });
}

export const INTERVENTIONS: readonly Intervention[] = [
  { name: 'system_reset', endsAs: 'running', act: (monitor) => monitor.execute('system_reset').then(() => {}) },
  { name: 'quit', endsAs: null, act: (monitor) => monitor.execute('quit').then(() => {}) },
  { name: 'stop', endsAs: 'paused or running', act: (monitor) => monitor.execute('stop').then(() => {}) },
  { name: 'cont', endsAs: 'running', act: (monitor) => monitor.execute('cont').then(() => {}) },
  {
    name: 'stop and cont',
    endsAs: 'running',
    async act(monitor) {
      await monitor.execute('stop');
      await monitor.execute('cont');
    },
  },
  {
    name: 'migrate',
    endsAs: 'postmigrate',
    isSeenTooLate: STOPPED_AGAIN,
    async act(monitor) {
      await monitor.execute('migrate', { uri: 'exec:cat >/dev/null' });
      await eventually(async () => {
        const { status } = (await monitor.execute('query-migrate')) as { status?: string };
        return status === 'completed' || status === 'failed';
      }, STATE_WITHIN_MS);
    },
  },
  {
    name: 'migrate, under way',
    endsAs: 'postmigrate',
    isSeenTooLate: STOPPED_AGAIN,
    act: (monitor) => monitor.execute('migrate', { uri: 'exec:cat >/dev/null' }).then(() => {}),
  },
  { name: 'savevm', endsAs: 'running', act: (monitor) => monitor.hmp('savevm torture').then(() => {}) },
  {
    name: 'device_add and device_del',
    endsAs: 'running',
    async act(monitor) {
      await monitor.execute('device_add', { driver: 'virtio-rng-pci', id: 'plugged' });
      await monitor.execute('device_del', { id: 'plugged' });
    },
  },
  { name: 'hot-plugged memory', guest: MORE_MEMORY, endsAs: 'running', act: plugMemory },
];

/** When it happens: before a message of the session, counted from its beginning, in parts of the whole. */
export interface Point {
  readonly protocol: Protocol;
  readonly direction: Direction;
  readonly part: number;
}

/** Does it in the middle of a session, and looks at what came of it. @returns what is not as it has to be */
export async function intervene(
  { guest: options, act, endsAs, isSeenTooLate }: Intervention,
  point: Point,
): Promise<readonly string[]> {
  await using proxied = await ProxiedGuest.start({ ...options });
  const { guest } = proxied;
  const endpoints = ['--qmp', proxied.qmp.endpoint, '--gdb', proxied.gdb.endpoint];
  using sandbox = new Sandbox();
  proxied.disturb();
  const undisturbed = await runCommand([...QUESTION, ...endpoints, ...TIMEOUT], sandbox);
  if (undisturbed.status !== 0) return [`undisturbed: ${describeEnd(undisturbed)}`];
  const at = Math.floor(point.part * proxied[point.protocol].counts[point.direction]);
  let failure: unknown;
  let hasActed = false;
  proxied.disturb({
    async before({ protocol, direction, index }: Passing) {
      if (hasActed || protocol !== point.protocol || direction !== point.direction || index !== at) return undefined;
      hasActed = true;
      await act(guest.monitor).catch((error: unknown) => {
        failure = error;
      });
      return undefined;
    },
  });
  const end = await runCommand([...QUESTION, ...endpoints, ...TIMEOUT], sandbox);
  const problems = [...unseemly(end)];
  if (failure !== undefined && endsAs !== null) problems.push(`it could not be done: ${String(failure)}`);
  if (end.status !== 0 && !(end.status === 3 && /^pagewalk: .{20,}/.test(end.stderr))) {
    problems.push(describeEnd(end));
  }
  // With QEMU goes what is before it: a proxy that takes connections for no one looks like a monitor that is in use.
  if (endsAs === null) await Promise.all([proxied.qmp, proxied.gdb].map((proxy) => proxy[Symbol.asyncDispose]()));
  const isGone = await eventually(
    () => sandbox.processes().length === 0 && sandbox.leftovers().length === 0,
    STATE_WITHIN_MS,
    100,
  );
  if (isGone === undefined)
    problems.push(`left: ${[...sandbox.leftovers(), ...sandbox.processes().map(({ command }) => command)].join('; ')}`);
  if (endsAs === null) return problems;
  const wanted = isSeenTooLate?.test(end.stderr) === true ? ['paused'] : endsAs.split(' or ');
  const ended = guest.qemu.exited.then(() => 'ended');
  const state = await Promise.race([
    ended,
    eventually(async () => wanted.includes(await guest.monitor.runState()), STATE_WITHIN_MS),
  ]);
  if (state === 'ended') return [...problems, 'QEMU is gone'];
  if (state === undefined)
    problems.push(`the guest is ${await guest.monitor.runState()} and not ${wanted.join(' or ')}`);
  return [...problems, ...(await guest.inspectStub())];
}
