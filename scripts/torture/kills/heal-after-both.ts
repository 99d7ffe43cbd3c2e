import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AftermathOptions, examine } from '../rig/aftermath.ts';
import { runCommand } from '../rig/command-run.ts';
import { PLAIN_QUESTION } from '../rig/questions.ts';
import { Sandbox } from '../rig/sandbox.ts';

let hasRestore: Promise<boolean> | undefined;

async function lookForRestore(): Promise<boolean> {
  using sandbox = new Sandbox();
  const help = await runCommand(['help'], sandbox);
  return /^ +restore\b/m.test(help.stdout);
}

/** What came of healing. */
export interface Healed {
  readonly problems: readonly string[];
  /** The guest stayed paused, and that was said: both had died before anything was known by which the pause could be told. */
  readonly isLeftPaused: boolean;
}

/** What the last line of a journal says of a pause: whether the guest has to run, and whether its registers are known. */
interface LeftPlan {
  readonly resume?: boolean;
  readonly registers?: unknown;
}

/** What the killed client has written down; undefined when it has written nothing. */
function readLeftPlan({ sandbox }: AftermathOptions): LeftPlan | undefined {
  const folder = join(sandbox.environment['XDG_RUNTIME_DIR'] ?? '', 'pagewalk');
  try {
    const [name = ''] = readdirSync(folder);
    const last = readFileSync(join(folder, name), 'utf8').trim().split('\n').slice(1).at(-1);
    return last === undefined ? undefined : (JSON.parse(last) as LeftPlan);
  } catch {
    return undefined;
  }
}

/**
 * When the client and its watchdog were killed no process is left: the next run on the same guest has to put it back, from what they
 * wrote down before, or `pagewalk restore`. Both find it in the directories that a user's runs share, so they are given the same.
 *
 * @param endpoints - those of the client that was killed: it is by them that a guest is known again
 * @param byRestore - by the command that does nothing else, where there is one
 */
export async function healAfterBoth(
  options: AftermathOptions,
  endpoints: readonly string[],
  byRestore: boolean,
): Promise<Healed> {
  hasRestore ??= lookForRestore();
  const canRestore = endpoints[0] === '--qmp' && (await hasRestore);
  const words = byRestore && canRestore ? ['restore', ...endpoints.slice(0, 2)] : [...PLAIN_QUESTION, ...endpoints];
  const left = readLeftPlan(options);
  const end = await runCommand(words, options.sandbox);
  const isRefused = end.status !== 0 && (end.status !== 1 || words[0] === 'restore');
  const said = `${words[0]}, to heal it, ended with status ${end.status}: ${end.stderr.trim().slice(0, 300)}`;
  const problems = isRefused ? [said] : [];
  const isLeftPaused =
    left?.resume === true && left.registers === undefined && /so it stays paused/.test(end.stdout + end.stderr);
  // As it says that one should; the next run then finds that nothing is left to do.
  if (isLeftPaused) {
    await options.guest.bring('running');
    const next = await runCommand([...PLAIN_QUESTION, ...endpoints], options.sandbox);
    if (next.status !== 1)
      problems.push(`after "cont" the next run ended with status ${next.status}: ${next.stderr.trim()}`);
    // Through the stub alone both may die before its greeting has told that the guest was paused anyway.
    if (options.before.runState === 'paused') await options.guest.bring('paused');
  }
  return { problems: [...problems, ...(await examine(options))], isLeftPaused };
}
