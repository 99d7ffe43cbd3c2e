import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { judgePlain } from '../rig/aftermath.ts';
import { type CommandEnd, CommandRun, describeEnd, unseemly } from '../rig/command-run.ts';
import { MessageProxy, type Tap } from '../rig/message-proxy.ts';
import { eventually } from '../rig/patience.ts';
import { processesWith, signal } from '../rig/processes.ts';
import { PLAIN_ANSWER, PLAIN_QUESTION, PLAIN_STATUS } from '../rig/questions.ts';
import { RawMonitor } from '../rig/raw/raw-monitor.ts';
import { RawStub } from '../rig/raw/raw-stub.ts';
import { stubOf, type TortureGuest } from '../rig/torture-guest.ts';
import type { OthersRig, OthersScenario } from './others-scenario.ts';

const CONT_EVERY_MS = 150;
const HIT_WITHIN_MS = 10_000;

/** A right answer, or a refusal that says why. */
function judgeRightOrRefused(end: CommandEnd): readonly string[] {
  const problems = [...unseemly(end)];
  const isRight = end.status === PLAIN_STATUS && PLAIN_ANSWER.test(end.stdout);
  const isRefused = end.status === 3 && end.stdout === '' && /^pagewalk: .{20,}/.test(end.stderr);
  if (!isRight && !isRefused) problems.push(`${describeEnd(end)}, and said "${end.stdout.trim()}"`);
  return problems;
}

/** What goes wrong because another client resumes the guest is said to be that. */
function judgeRightOrResumed(words: readonly string[], end: CommandEnd, status: number): readonly string[] {
  const problems = [...unseemly(end)];
  const isRefused = end.status === 3 && /another client (has )?resumed the guest/.test(end.stderr);
  if (end.status !== status && !isRefused) problems.push(`${words.join(' ')}: ${describeEnd(end)}`);
  return problems;
}

const LONGER_QUESTIONS: readonly (readonly string[])[] = [
  ['map', '--no-host-memory'],
  ['map', '--no-host-memory', '--timeout', '2000'],
  ['map'],
  ['state'],
  ['translate', '0x8000000000', '--user', '--write', '--set-accessed', '--set-dirty', '--no-host-memory'],
  ['hv-translate', '0x8000000000', '--validate', 'r', '--no-host-memory'],
];

/** Several of us at once, each by a monitor of its own or waiting for the same one. */
function together(count: number, state: 'running' | 'paused'): OthersScenario {
  return {
    name: `${count} at once, guest ${state}`,
    async run({ guest, ask }) {
      await guest.bring(state);
      const ends = await Promise.all(Array.from({ length: count }, () => ask(...PLAIN_QUESTION, '--timeout', '20000')));
      const problems = ends.flatMap(judgeRightOrRefused);
      if (!ends.some(({ status }) => status === PLAIN_STATUS)) problems.push('none of them was answered');
      return [...problems, ...(await expectState(guest, state)), ...(await guest.inspectStub())];
    },
  };
}

async function expectState(guest: TortureGuest, state: string): Promise<readonly string[]> {
  const came = await eventually(async () => (await guest.monitor.runState()) === state, 2000);
  return came === undefined ? [`the guest is ${await guest.monitor.runState()}, and was ${state}`] : [];
}

/** Where the guest executes when it is paused: an address that it comes by again and again. */
async function somewhereInTheLoop(stub: RawStub): Promise<string> {
  await stub.ask('qXfer:features:read:target.xml:0,ffb', (reply) => /^[lm]/.test(reply));
  const bytes = Buffer.from(await stub.ask('p10', (reply) => /^[0-9a-f]{16}$/.test(reply)), 'hex');
  return bytes.readBigUInt64LE().toString(16);
}

const DEBUGGER_ATTACHED: OthersScenario = {
  name: 'a debugger with a breakpoint is attached',
  async run({ guest, ask }) {
    await guest.monitor.execute('stop');
    await using stub = await RawStub.open(stubOf(guest));
    const address = await somewhereInTheLoop(stub);
    await stub.ask(`Z1,${address},1`, (reply) => reply === 'OK');
    const end = await ask(...PLAIN_QUESTION);
    const problems = [...judgeRightOrRefused(end), ...(await expectState(guest, 'paused'))];
    const hit = await stub.ask('vCont;c', (reply) => reply.startsWith('T05')).catch(String);
    if (!hit.startsWith('T05')) problems.push(`the debugger's breakpoint is not hit any more: ${hit}`);
    await stub.ask(`z1,${address},1`, (reply) => reply === 'OK');
    return problems;
  },
};

const BREAKPOINT_LEFT: OthersScenario = {
  name: 'a breakpoint that a debugger left behind',
  async run({ guest, ask }) {
    await guest.monitor.execute('stop');
    {
      await using stub = await RawStub.open(stubOf(guest));
      await stub.ask(`Z1,${await somewhereInTheLoop(stub)},1`, (reply) => reply === 'OK');
    }
    const problems = [...judgePlain(await ask(...PLAIN_QUESTION)), ...(await expectState(guest, 'paused'))];
    await guest.monitor.execute('cont');
    const hit = await eventually(async () => (await guest.monitor.runState()) === 'debug', HIT_WITHIN_MS);
    if (hit === undefined) problems.push('the breakpoint is gone');
    return [...problems, ...judgePlain(await ask(...PLAIN_QUESTION)), ...(await expectState(guest, 'debug'))];
  },
};

/** Another client that resumes the guest all the time, its own pauses and others. */
const CONT_ALL_THE_TIME: OthersScenario = {
  name: 'another client resumes the guest every 150 ms',
  async run({ guest, ask }) {
    let goesOn = true;
    const resuming = (async () => {
      while (goesOn) {
        await guest.monitor.execute('cont');
        await delay(CONT_EVERY_MS);
      }
    })();
    const problems: string[] = [];
    for (const words of [PLAIN_QUESTION, PLAIN_QUESTION, [...PLAIN_QUESTION, '--no-host-memory'], PLAIN_QUESTION]) {
      problems.push(...judgeRightOrResumed(words, await ask(...words), PLAIN_STATUS));
    }
    for (const words of LONGER_QUESTIONS) problems.push(...judgeRightOrResumed(words, await ask(...words), 0));
    goesOn = false;
    await resuming;
    return [...problems, ...(await expectState(guest, 'running')), ...(await guest.inspectStub())];
  },
};

/** A client that comes and goes, and pauses the guest for itself in between: what it paused stays paused. */
const PAUSED_SINCE: OthersScenario = {
  name: 'another client pauses the guest between two snapshots',
  async run({ guest, ask }) {
    const asking = ask('diff', '--after', '1500');
    await delay(1000);
    const seen = await eventually(async () => (await guest.monitor.runState()) === 'running', 5000);
    if (seen === undefined) return ['the guest does not run between the snapshots'];
    await guest.monitor.execute('stop');
    const end = await asking;
    return [...unseemly(end), ...(await expectState(guest, 'paused'))];
  },
};

/** Other sockets that a guest of a management layer has. */
const CHANNELS = [
  ...['-device', 'virtio-serial-pci'],
  ...['-chardev', 'socket,id=agent,path=@DIR@/agent.sock,server=on,wait=off'],
  ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
  ...['-chardev', 'socket,id=second,path=@DIR@/second.sock,server=on,wait=off', '-mon', 'chardev=second,mode=control'],
  ...['-serial', 'unix:@DIR@/serial.sock,server=on,wait=off'],
];
const RUNS = 6;

function withChannels(gdb: boolean): OthersScenario {
  return {
    name: `${RUNS} runs on a guest with an agent channel, a second monitor and a serial socket, ${gdb ? 'with' : 'without'} a stub`,
    guest: { gdb, extraArgs: CHANNELS },
    async run({ guest, ask }: OthersRig) {
      const problems: string[] = [];
      const before = await guest.chardevs();
      for (let run = 1; run <= RUNS; run += 1) {
        problems.push(...judgePlain(await ask(...PLAIN_QUESTION)).map((problem) => `run ${run}: ${problem}`));
        if ((await guest.chardevs()).join() !== before.join())
          problems.push(`run ${run} changed the character devices`);
      }
      return [...problems, ...(await expectState(guest, 'running'))];
    },
  };
}

/** Holds every reply back from the first `stop` on, until the client is gone. */
function holdAfterStop(): { readonly before: Tap; readonly isHolding: () => boolean } {
  let hasStopped = false;
  let isHolding = false;
  return {
    isHolding: () => isHolding,
    async before({ direction, bytes, connection }, { client }) {
      if (connection > 0) return undefined;
      if (direction === 'up') hasStopped ||= bytes.includes('"stop"');
      else if (hasStopped && bytes.includes('"return"')) {
        isHolding = true;
        await once(client, 'end').catch(() => {});
      }
      return undefined;
    },
  };
}

/** A monitor that another client holds when the client is killed: its watchdog has to wait for it, or use the stub. */
function monitorHeld(gdb: boolean, holdMs: number): OthersScenario {
  return {
    name: `killed while paused, and another client holds the monitor for ${holdMs / 1000} s, ${gdb ? 'with' : 'without'} a stub`,
    guest: { gdb },
    async run({ guest, sandbox }) {
      const { before, isHolding } = holdAfterStop();
      const path = join(guest.qemu.directory, 'held');
      await using proxy = await MessageProxy.listen({ protocol: 'qmp', path, target: guest.qmpPath, before });
      const words = [...PLAIN_QUESTION, '--qmp', proxy.endpoint, '--timeout', '30000', '--max-pause', '30000'];
      const run = new CommandRun(words, sandbox);
      if ((await eventually(isHolding, 30_000)) === undefined) return ['it never paused the guest'];
      // It queues: QEMU serves it as soon as the client is gone.
      const holding = RawMonitor.open(guest.qmpPath);
      await delay(20);
      signal(run.pid, 'SIGKILL');
      await run.ended;
      const holder = await holding;
      await delay(holdMs);
      await holder[Symbol.asyncDispose]();
      const problems = [...(await expectStateWithin(guest, 'running', 20_000))];
      const gone = await eventually(() => processesWith(sandbox.directory).length === 0, 20_000, 100);
      if (gone === undefined) problems.push('the watchdog is still there');
      return [...problems, ...(await guest.inspectStub())];
    },
  };
}

async function expectStateWithin(guest: TortureGuest, state: string, ms: number): Promise<readonly string[]> {
  const came = await eventually(async () => (await guest.monitor.runState()) === state, ms);
  return came === undefined ? [`${ms} ms later the guest is ${await guest.monitor.runState()}, and was ${state}`] : [];
}

/** Other clients, debuggers and sockets at the same guest. */
export const COMPANY_SCENARIOS: readonly OthersScenario[] = [
  together(2, 'running'),
  together(2, 'paused'),
  together(4, 'running'),
  DEBUGGER_ATTACHED,
  BREAKPOINT_LEFT,
  CONT_ALL_THE_TIME,
  PAUSED_SINCE,
  withChannels(false),
  withChannels(true),
  monitorHeld(true, 3000),
  monitorHeld(false, 3000),
  monitorHeld(true, 20_000),
  monitorHeld(false, 20_000),
];
