import { setTimeout as delay } from 'node:timers/promises';
import { attach } from '../../../src/guest/index.ts';
import { judgePlain } from '../rig/aftermath.ts';
import { runCommand } from '../rig/command-run.ts';
import { eventually } from '../rig/patience.ts';
import { PLAIN_QUESTION } from '../rig/questions.ts';
import { Sandbox } from '../rig/sandbox.ts';
import { TortureGuest, type TortureGuestOptions } from '../rig/torture-guest.ts';
import { growth, measure } from './growth.ts';

/** Runs before the first look: what is loaded and kept once is no growth. */
const WARM_UP = 10;
const SETTLE_MS = 1500;
const LINEAR_ADDRESS = 0x80_0000_0000n;
const PHYSICAL_ADDRESS = 0x12_0000n;

/** A load of some size. @returns what is not as it has to be */
export interface LoadCase {
  readonly name: string;
  run(count: number): Promise<readonly string[]>;
  /** How many times, unless given. */
  readonly usual: number;
}

async function attachOnce(guest: TortureGuest, own: boolean): Promise<string | undefined> {
  const attached = await attach({
    qmp: guest.qemu.qmpEndpoint,
    ...(own ? {} : { gdb: guest.qemu.gdbEndpoint }),
    timeoutMs: 30_000,
  });
  try {
    const access = { write: false, user: false, exec: false };
    const paused = await attached.pause();
    const [translation] = await paused.translate([{ linearAddress: LINEAR_ADDRESS, access }]);
    const walk = translation?.translation;
    const found = walk?.kind === 'mapped' ? walk.physicalAddress : walk?.kind;
    return found === PHYSICAL_ADDRESS ? undefined : `translated to ${found}`;
  } finally {
    await attached.detach();
  }
}

async function inOneProcess(count: number, options: TortureGuestOptions): Promise<readonly string[]> {
  await using guest = await TortureGuest.start(options);
  const own = options.gdb === false;
  const wrong: string[] = [];
  const repeat = async (times: number): Promise<void> => {
    for (let run = 0; run < times && wrong.length < 3; run += 1) {
      const problem = await attachOnce(guest, own).catch(String);
      if (problem !== undefined) wrong.push(problem);
    }
    await delay(SETTLE_MS);
  };
  await repeat(WARM_UP);
  const early = await measure(guest);
  await repeat(count);
  const late = await measure(guest);
  const state = await guest.monitor.runState();
  return [
    ...wrong,
    ...growth(early, late),
    ...(state === 'running' ? [] : [`the guest is ${state}`]),
    ...(await guest.inspectStub()),
  ];
}

async function byCommand(count: number, options: TortureGuestOptions): Promise<readonly string[]> {
  await using guest = await TortureGuest.start(options);
  using sandbox = new Sandbox();
  const wrong: string[] = [];
  const repeat = async (times: number): Promise<void> => {
    for (let run = 0; run < times && wrong.length < 3; run += 1) {
      const end = await runCommand([...PLAIN_QUESTION, '--qmp', guest.qemu.qmpEndpoint, '--timeout', '30000'], sandbox);
      wrong.push(...judgePlain(end));
    }
    await eventually(() => sandbox.processes().length === 0, SETTLE_MS * 4, 100);
  };
  await repeat(WARM_UP);
  const early = await measure(guest);
  await repeat(count);
  const late = await measure(guest);
  const left = [...sandbox.leftovers(), ...sandbox.processes().map(({ command }) => command)];
  return [...wrong, ...growth(early, late), ...left.map((what) => `left: ${what}`), ...(await guest.inspectStub())];
}

/** Many guests, each with a client, all at the same time. They halt: what is tried is pagewalk, not how many processors the host has. */
async function manyGuests(count: number): Promise<readonly string[]> {
  const guests: TortureGuest[] = [];
  using sandbox = new Sandbox();
  try {
    // Ten at a time: starting them is not what is tried.
    while (guests.length < count) {
      const batch = Math.min(10, count - guests.length);
      guests.push(
        ...(await Promise.all(
          Array.from({ length: batch }, (_, at) =>
            TortureGuest.start({ gdb: at % 2 === 0, sharedMemory: false, quiet: true }),
          ),
        )),
      );
    }
    const ends = await Promise.all(
      guests.map((guest) =>
        runCommand([...PLAIN_QUESTION, '--qmp', guest.qemu.qmpEndpoint, '--timeout', '60000'], sandbox, {
          limitMs: 300_000,
        }),
      ),
    );
    const problems = ends.flatMap(judgePlain);
    for (const guest of guests) {
      const state = await guest.monitor.runState();
      if (state !== 'running') problems.push(`a guest is ${state}`);
    }
    return [...problems, ...sandbox.leftovers().map((path) => `a file is left: ${path}`)];
  } finally {
    await Promise.all(guests.map((guest) => guest[Symbol.asyncDispose]()));
  }
}

export const LOAD_CASES: readonly LoadCase[] = [
  {
    name: 'attach, translate, detach in one process, the stub given',
    usual: 2000,
    run: (count) => inOneProcess(count, {}),
  },
  {
    name: 'attach, translate, detach in one process, a stub of its own',
    usual: 300,
    run: (count) => inOneProcess(count, { gdb: false }),
  },
  { name: 'the command, the stub given', usual: 300, run: (count) => byCommand(count, {}) },
  { name: 'the command, a stub of its own', usual: 100, run: (count) => byCommand(count, { gdb: false }) },
  { name: 'guests at once', usual: 50, run: manyGuests },
];
