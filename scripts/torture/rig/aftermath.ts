import { type CommandEnd, describeEnd, runCommand, unseemly } from './command-run.ts';
import type { ExaminedGuest, GuestStanding } from './examined-guest.ts';
import { type ChangedByte, unwantedChanges } from './guest-pages.ts';
import { eventually } from './patience.ts';
import { PLAIN_ANSWER, PLAIN_QUESTION, PLAIN_STATUS } from './questions.ts';
import { Sandbox } from './sandbox.ts';

/** How long the guest may be paused after the case's end. */
const RUN_STATE_WITHIN_MS = 2000;
/** How long a watchdog and its files may stay. */
const GONE_WITHIN_MS = 10_000;

/** Looking through /proc is not cheap. */
const BETWEEN_LOOKS_MS = 100;

/** What is to be looked at after a case. */
export interface AftermathOptions {
  readonly guest: ExaminedGuest;
  readonly sandbox: Sandbox;
  readonly before: GuestStanding;
  /** What the question may have changed in memory; undefined: memory is not compared. */
  readonly allowed?: readonly ChangedByte[];
  /** How long the run state may take to come back. */
  readonly runStateWithinMs?: number;
  /** Leaves out the fresh run and the plain debugger: cheaper, for cases by the thousand. */
  readonly briefly?: boolean;
}

/** Waits until the run state is as before, and says if it does not come to be. */
export async function awaitRunState(
  { monitor }: ExaminedGuest,
  before: GuestStanding,
  withinMs = RUN_STATE_WITHIN_MS,
): Promise<readonly string[]> {
  const came = await eventually(async () => (await monitor.runState()) === before.runState, withinMs);
  if (came !== undefined) return [];
  const late = await eventually(async () => (await monitor.runState()) === before.runState, GONE_WITHIN_MS);
  const now = await monitor.runState();
  return late === undefined
    ? [`the guest was ${before.runState} and is ${now}`]
    : [`the guest was ${before.runState} again only after ${Math.round(withinMs + late)} ms`];
}

/** Everything that has to be as before a case, and what is not. */
export async function examine(options: AftermathOptions): Promise<readonly string[]> {
  const { guest, sandbox, before, allowed, briefly = false } = options;
  const problems = [...(await awaitRunState(guest, before, options.runStateWithinMs))];
  await eventually(
    () => sandbox.leftovers().length === 0 && sandbox.processes().length === 0,
    GONE_WITHIN_MS,
    BETWEEN_LOOKS_MS,
  );
  problems.push(...sandbox.processes().map(({ command }) => `a process is left: ${command.slice(0, 120)}`));
  problems.push(...sandbox.leftovers().map((path) => `a file is left: ${path}`));
  problems.push(...(await compareStanding(guest, before)));
  if (allowed !== undefined) problems.push(...unwantedChanges(guest.pages?.changes() ?? [], allowed));
  if (!briefly) {
    problems.push(...(await guest.inspectStub()));
    problems.push(...(await askFreshly(guest)));
    problems.push(...(await compareStanding(guest, before)));
  }
  return [...new Set(problems)];
}

async function compareStanding(guest: ExaminedGuest, before: GuestStanding): Promise<readonly string[]> {
  const now = await guest.standing();
  const problems: string[] = [];
  if (now.runState !== before.runState) problems.push(`the guest was ${before.runState} and is ${now.runState}`);
  const devices = now.chardevs.join('; ');
  if (devices !== before.chardevs.join('; ')) {
    problems.push(`character devices were ${before.chardevs.join('; ')} and are ${devices}`);
  }
  return problems;
}

/** A user who comes next, with a plain question. */
async function askFreshly(guest: ExaminedGuest): Promise<readonly string[]> {
  using sandbox = new Sandbox();
  const end = await runCommand([...PLAIN_QUESTION, '--qmp', guest.endpoint], sandbox);
  return judgePlain(end).map((problem) => `a fresh run: ${problem}`);
}

/** What is wrong with the answer to the plain question. */
export function judgePlain(end: CommandEnd): readonly string[] {
  const problems = [...unseemly(end)];
  if (end.status !== PLAIN_STATUS || !PLAIN_ANSWER.test(end.stdout)) {
    problems.push(`${describeEnd(end)}, and said "${end.stdout.trim()}"`);
  }
  return problems;
}
