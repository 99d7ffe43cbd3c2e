import { unseemly } from '../rig/command-run.ts';
import { eventually } from '../rig/patience.ts';
import { RawStub } from '../rig/raw/raw-stub.ts';
import { stubOf, type TortureGuest, type TortureGuestOptions } from '../rig/torture-guest.ts';
import type { OthersRig, OthersScenario } from './others-scenario.ts';

const STATE_WITHIN_MS = 20_000;

/** A run state of QEMU, and how a guest comes into it. */
interface RunState {
  readonly name: string;
  /** What `query-status` calls it. */
  readonly status: string;
  readonly guest?: TortureGuestOptions;
  reach(guest: TortureGuest): Promise<void>;
  /** The monitor has hardly any commands: that the question is refused is right. */
  readonly mayRefuse?: boolean;
}

const nothing = async (): Promise<void> => {};

/** Power management of the PC's chipset, where its firmware puts it: writing here is what the guest's kernel does. */
const SLEEP_PORT = '0x604';

const RUN_STATES: readonly RunState[] = [
  { name: 'running', status: 'running', reach: nothing },
  { name: 'prelaunch', status: 'prelaunch', guest: { paused: true }, reach: nothing },
  { name: 'paused', status: 'paused', reach: ({ monitor }) => monitor.execute('stop').then(nothing) },
  {
    name: 'inmigrate',
    status: 'inmigrate',
    guest: { awaitReady: false, extraArgs: ['-incoming', 'defer'] },
    reach: nothing,
  },
  {
    name: 'postmigrate',
    status: 'postmigrate',
    reach: ({ monitor }) => monitor.execute('migrate', { uri: 'exec:cat >/dev/null' }).then(nothing),
  },
  {
    name: 'shutdown',
    status: 'shutdown',
    guest: { extraArgs: ['-no-shutdown'] },
    reach: ({ monitor }) => monitor.hmp(`o /w ${SLEEP_PORT} 0x2000`).then(nothing),
  },
  {
    name: 'guest-panicked',
    status: 'guest-panicked',
    guest: { extraArgs: ['-device', 'pvpanic', '-action', 'panic=pause'] },
    reach: ({ monitor }) => monitor.hmp('o /b 0x505 1').then(nothing),
  },
  {
    name: 'watchdog',
    status: 'watchdog',
    guest: { extraArgs: ['-device', 'ib700', '-action', 'watchdog=pause'] },
    reach: ({ monitor }) => monitor.hmp('o /b 0x443 0xf').then(nothing),
  },
  {
    name: 'suspended',
    status: 'suspended',
    reach: ({ monitor }) => monitor.hmp(`o /w ${SLEEP_PORT} 0x2400`).then(nothing),
  },
  {
    name: 'debug',
    status: 'debug',
    async reach(guest) {
      await guest.monitor.execute('stop');
      await using stub = await RawStub.open(stubOf(guest));
      await stub.ask('qSupported:multiprocess+');
      await stub.ask('vCont;s:p1.1', (reply) => reply.startsWith('T05'));
    },
  },
  {
    name: 'preconfig',
    // So QEMU calls it since 6.0.
    status: 'prelaunch',
    guest: { awaitReady: false, sharedMemory: false, extraArgs: ['--preconfig'] },
    reach: nothing,
    mayRefuse: true,
  },
];

const QUESTIONS: readonly (readonly string[])[] = [
  ['state'],
  ['translate', '0x8000000000', '--user', '--write', '--set-accessed', '--set-dirty'],
  ['map', '--summary'],
  ['hv-translate', '0x8000000000', '--validate', 'r'],
];

async function judge({ guest, ask }: OthersRig, state: RunState): Promise<readonly string[]> {
  await state.reach(guest);
  const reached = await eventually(async () => (await guest.monitor.runState()) === state.status, STATE_WITHIN_MS);
  if (reached === undefined) return [`the guest did not become ${state.status}: ${await guest.monitor.runState()}`];
  const before = await guest.standing();
  const problems: string[] = [];
  for (const words of QUESTIONS) {
    const end = await ask(...words);
    const isRight = end.status === 0 || end.status === 1;
    problems.push(...unseemly(end));
    if (!isRight && state.mayRefuse !== true) problems.push(`${words[0]}: status ${end.status}, ${end.stderr.trim()}`);
    const after = await guest.standing();
    if (after.runState !== before.runState) problems.push(`after ${words[0]} the guest is ${after.runState}`);
    if (after.chardevs.join() !== before.chardevs.join())
      problems.push(`character devices: ${after.chardevs.join('; ')}`);
  }
  return problems;
}

/** Every run state that a guest can be brought into: before is after. */
export const RUN_STATE_SCENARIOS: readonly OthersScenario[] = RUN_STATES.flatMap((state) =>
  [true, false].map((gdb) => ({
    name: `run state ${state.name}, ${gdb ? 'with a stub' : 'without a stub'}`,
    guest: { ...state.guest, gdb },
    run: (rig: OthersRig) => judge(rig, state),
  })),
).filter(({ name }) => name !== 'run state debug, without a stub');
