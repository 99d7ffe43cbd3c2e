import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { awaitRunState } from '../rig/aftermath.ts';
import { type CommandEnd, CommandRun, unseemly } from '../rig/command-run.ts';
import { eventually, within } from '../rig/patience.ts';
import { residentBytes, signal } from '../rig/processes.ts';
import { Sandbox } from '../rig/sandbox.ts';
import { stubOf, TortureGuest } from '../rig/torture-guest.ts';
import type { Outcome } from '../scenario.ts';
import { HostilePeer, PeerHome } from './hostile-peer.ts';
import type { HostileRig, HostileScenario } from './hostile-scenario.ts';
import { callsNaming, tracedInto } from './system-calls.ts';
import { Treasure } from './treasure.ts';

/** What the client is told for each request: long, where it must not be what ends the pause. */
const REQUEST_TIMEOUT_MS = 2000;
const LONG_REQUEST_TIMEOUT_MS = 60_000;
/** A run against a peer that lies ends by itself in this time. */
const RUN_LIMIT_MS = 30_000;
/** Nothing that a peer does keeps a guest paused for longer. */
const PAUSE_LIMIT_MS = 15_000;
/** When the client is told to end it does, whatever it is doing. */
const TERM_LIMIT_MS = 5000;
const MOST_MEMORY = 1_500_000_000;
const LOOK_EVERY_MS = 100;
/** A watchdog may have to find out first that nothing is answered. */
const GONE_WITHIN_MS = 40_000;

/** What was seen of a client while it ran. */
interface Watched {
  readonly end: CommandEnd;
  readonly longestPauseMs: number;
  readonly mostMemory: number;
  readonly problems: readonly string[];
}

/** A real guest, a stranger who stands before it, and another guest that is none of the stranger's business. */
export class HostileLane implements AsyncDisposable {
  readonly #home = new PeerHome();
  readonly #guest: TortureGuest;
  readonly #other: TortureGuest;
  readonly #cr3: number;

  private constructor(guest: TortureGuest, other: TortureGuest, cr3: number) {
    this.#guest = guest;
    this.#other = other;
    this.#cr3 = cr3;
  }

  static async open(): Promise<HostileLane> {
    const [guest, other] = await Promise.all([TortureGuest.start(), TortureGuest.start()]);
    // The stranger's relay has to reach the guest that it stands before.
    chmodSync(guest.qemu.directory, 0o755);
    chmodSync(guest.qmpPath, 0o666);
    chmodSync(stubOf(guest), 0o666);
    const registers = await guest.monitor.hmp('info registers');
    return new HostileLane(guest, other, Number.parseInt(/CR3=([0-9a-f]+)/.exec(registers)?.[1] ?? '0', 16));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#home[Symbol.dispose]();
    await this.#guest[Symbol.asyncDispose]();
    await this.#other[Symbol.asyncDispose]();
  }

  async run(scenario: HostileScenario): Promise<Outcome> {
    const start = performance.now();
    using treasure = new Treasure();
    const rig: HostileRig = {
      guest: this.#guest,
      other: this.#other,
      treasure,
      treasurePort: await treasure.listen(),
    };
    await this.#guest.bring('running');
    const before = await this.#guest.standing();
    const facts = { cr3: this.#cr3, ...(await scenario.facts?.(rig)) };
    // The peer goes before what it may still be writing to.
    using sandbox = new Sandbox();
    await using peer = await HostilePeer.start(this.#home, this.#guest, scenario.lie, facts);
    const calls = join(this.#home.place('calls'), 'calls');
    const watched = await this.#watch(
      scenario,
      peer,
      sandbox,
      scenario.untouchable === undefined ? [] : tracedInto(calls),
    );
    const problems = [...watched.problems];
    // The run state first: how long it takes counts.
    problems.push(...(await awaitRunState(this.#guest, before, PAUSE_LIMIT_MS)));
    await eventually(() => sandbox.processes().length === 0, GONE_WITHIN_MS, LOOK_EVERY_MS);
    problems.push(...sandbox.processes().map(({ command }) => `a process is left: ${command.slice(0, 120)}`));
    if (scenario.leavesFilesOfThePeer !== true) {
      problems.push(...sandbox.leftovers().map((path) => `a file is left: ${path}`));
    }
    problems.push(...treasure.losses());
    for (const path of scenario.untouchable?.(rig) ?? []) {
      problems.push(...callsNaming(calls, path).map((call) => `touched what the peer named: ${call}`));
    }
    if (`${watched.end.stdout}${watched.end.stderr}`.includes(treasure.marker)) problems.push('the secret was printed');
    problems.push(...(scenario.judge?.(rig, peer) ?? []));
    if (problems.length > 0) {
      await peer[Symbol.asyncDispose]();
      sandbox.clear();
      await this.#guest.heal();
    }
    return {
      what: `hostile peer, ${scenario.name}`,
      tags: [`kind: ${scenario.name.replace(/:.*$/, '')}`],
      problems,
      again: `npm run torture -- hostile --named '${scenario.name}'`,
      tookMs: performance.now() - start,
    };
  }

  async #watch(
    scenario: HostileScenario,
    peer: HostilePeer,
    sandbox: Sandbox,
    under: readonly string[],
  ): Promise<Watched> {
    const qmp = scenario.reach === 'the stub' ? [] : ['--qmp', peer.endpoint];
    const gdb = scenario.reach === 'QMP' ? [] : ['--gdb', peer.gdbEndpoint];
    const timeout = ['--timeout', String(scenario.takesTime === true ? LONG_REQUEST_TIMEOUT_MS : REQUEST_TIMEOUT_MS)];
    const run = new CommandRun([...scenario.words, ...qmp, ...gdb, ...timeout], sandbox, {
      under,
      limitMs: 2 * RUN_LIMIT_MS,
    });
    const start = performance.now();
    let mostMemory = 0;
    let longestPauseMs = 0;
    let pausedSince: number | undefined;
    const problems: string[] = [];
    while (run.isRunning && performance.now() - start < RUN_LIMIT_MS) {
      mostMemory = Math.max(mostMemory, residentBytes(run.pid));
      const state = await this.#guest.monitor.runState();
      if (state === 'running') pausedSince = undefined;
      else pausedSince ??= performance.now();
      if (pausedSince !== undefined) longestPauseMs = Math.max(longestPauseMs, performance.now() - pausedSince);
      await delay(LOOK_EVERY_MS);
    }
    if (run.isRunning) {
      problems.push(`did not end in ${RUN_LIMIT_MS} ms`);
      signal(-run.pid, 'SIGTERM');
      if ((await within(run.ended, TERM_LIMIT_MS)) === undefined) {
        problems.push(`SIGTERM did not end it in ${TERM_LIMIT_MS} ms`);
        signal(-run.pid, 'SIGKILL');
      }
    }
    const end = await run.ended;
    problems.push(...unseemly(end));
    if (longestPauseMs > PAUSE_LIMIT_MS) problems.push(`the guest was paused for ${Math.round(longestPauseMs)} ms`);
    if (mostMemory > MOST_MEMORY) problems.push(`it used ${Math.round(mostMemory / 1e6)} MB`);
    return { end, longestPauseMs, mostMemory, problems };
  }
}
