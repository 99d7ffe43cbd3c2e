import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import { runCommand } from '../rig/command-run.ts';
import { eventually } from '../rig/patience.ts';
import { Sandbox } from '../rig/sandbox.ts';
import { TortureGuest } from '../rig/torture-guest.ts';
import type { Outcome, Suite } from '../scenario.ts';
import { COMPANY_SCENARIOS } from './company.ts';
import { INTERVENTIONS, intervene, type Point } from './in-the-middle.ts';
import type { OthersScenario } from './others-scenario.ts';
import { RUN_STATE_SCENARIOS } from './run-states.ts';

/** When in a session something happens: at its beginning, between pausing and resuming, and around its end. */
const POINTS: readonly Point[] = [
  { protocol: 'qmp', direction: 'up', part: 0.3 },
  { protocol: 'qmp', direction: 'up', part: 0.8 },
  { protocol: 'gdb', direction: 'up', part: 0 },
  { protocol: 'gdb', direction: 'down', part: 0.3 },
  { protocol: 'gdb', direction: 'up', part: 0.6 },
  { protocol: 'gdb', direction: 'up', part: 0.97 },
  { protocol: 'gdb', direction: 'down', part: 0.99 },
];

const GONE_WITHIN_MS = 10_000;
/** Looking through /proc is not cheap. */
const BETWEEN_LOOKS_MS = 100;

/** One thing to try, with its name and what it counts as. */
export interface OthersCase {
  readonly name: string;
  readonly tag: string;
  run(): Promise<readonly string[]>;
}

async function runScenario(scenario: OthersScenario): Promise<readonly string[]> {
  await using guest = await TortureGuest.start({ ...scenario.guest });
  using sandbox = new Sandbox();
  const ask = (...words: readonly string[]) => runCommand([...words, '--qmp', guest.qemu.qmpEndpoint], sandbox);
  const problems = [...(await scenario.run({ guest, sandbox, ask }))];
  // A watchdog ends when it hears that its client has, which takes it a moment.
  await eventually(
    () => sandbox.processes().length === 0 && sandbox.leftovers().length === 0,
    GONE_WITHIN_MS,
    BETWEEN_LOOKS_MS,
  );
  problems.push(...sandbox.processes().map(({ command }) => `a process is left: ${command}`));
  problems.push(...sandbox.leftovers().map((path) => `a file is left: ${path}`));
  return problems;
}

function describePoint({ protocol, direction, part }: Point): string {
  return `${Math.round(part * 100)} % of what ${protocol} ${direction === 'up' ? 'sends' : 'gets'}`;
}

/** Everything that others do at a guest. */
export const OTHERS_CASES: readonly OthersCase[] = [
  ...RUN_STATE_SCENARIOS.map((scenario) => ({
    name: scenario.name,
    tag: 'run states',
    run: () => runScenario(scenario),
  })),
  ...COMPANY_SCENARIOS.map((scenario) => ({ name: scenario.name, tag: 'company', run: () => runScenario(scenario) })),
  ...INTERVENTIONS.flatMap((intervention) =>
    POINTS.map((point) => ({
      name: `${intervention.name} at ${describePoint(point)}`,
      tag: `in the middle: ${intervention.name}`,
      run: () => intervene(intervention, point),
    })),
  ),
];

/** Does one of them, and times it. */
export async function runOthersCase({ name, tag, run }: OthersCase): Promise<Outcome> {
  const start = performance.now();
  const problems = await run();
  return {
    what: name,
    tags: [tag],
    problems: [...new Set(problems)],
    again: `npm run torture -- others --named '${name}'`,
    tookMs: performance.now() - start,
  };
}

/** Other clients, debuggers, run states, and what is done to the machine in the middle of a question. */
export const others: Suite = {
  name: 'others',
  summary: 'other clients and debuggers at the guest, every run state, and changes in the middle of a question',
  async run({ only, named, lanes, report }) {
    const chosen = choose({ what: 'scenario', all: OTHERS_CASES, nameOf: ({ name }) => name, named, only });
    const numbers = chosen.map((_, number) => number);
    const none = async (): Promise<AsyncDisposable> => ({ [Symbol.asyncDispose]: async () => {} });
    await runInLanes(numbers, lanes, none, async (number) => {
      const found = chosen[number];
      if (found !== undefined) report(await runOthersCase(found));
    });
  },
};
