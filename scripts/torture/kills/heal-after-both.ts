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

/**
 * When the client and its watchdog were killed nobody is left: the next run on the same guest has to put it back, from what they
 * wrote down before, or `pagewalk restore`. Both find it in the directories that a user's runs share, so they are given the same.
 *
 * @param endpoints - those of the client that was killed: it is by them that a guest is known again
 * @param byRestore - by the command that does nothing else, where there is one
 */
export async function healAfterBoth(
  options: AftermathOptions,
  endpoints: readonly string[],
  byRestore: boolean,
): Promise<readonly string[]> {
  hasRestore ??= lookForRestore();
  const canRestore = endpoints[0] === '--qmp' && (await hasRestore);
  const words = byRestore && canRestore ? ['restore', ...endpoints.slice(0, 2)] : [...PLAIN_QUESTION, ...endpoints];
  const end = await runCommand(words, options.sandbox);
  const isRefused = end.status !== 0 && (end.status !== 1 || words[0] === 'restore');
  const said = `${words[0]}, to heal it, ended with status ${end.status}: ${end.stderr.trim().slice(0, 300)}`;
  return [...(isRefused ? [said] : []), ...(await examine(options))];
}
