import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';

/**
 * Runs the command, and ends its whole process group when descriptor 3 ends before the command does: its owner was killed, and
 * a command that does not look at its input would outlive it for ever. It has a second to end by itself: a helper on another host removes what
 * it has made there. The exit status is the command's.
 */
const GUARD = [
  'exec 4<&0 </dev/null',
  '/bin/sh -c "$1" <&4 3<&- 4<&- &',
  'command=$!',
  'exec 4<&-',
  '(trap "" TERM; read -r _ <&3; kill -TERM 0; sleep 1; kill -KILL 0) >/dev/null 2>&1 &',
  'guard=$!',
  'exec 3<&-',
  'wait "$command"',
  'status=$?',
  // Collected here: where no init process does, the dead would count as members of the group.
  'exec 2>/dev/null',
  'kill -KILL "$guard"; wait "$guard"',
  'exit "$status"',
].join('\n');

/** The first descriptor of `extra`: the shell takes 3 and 4 for itself. @internal */
export const FIRST_EXTRA_DESCRIPTOR = 5;

/**
 * Starts a command in a process group of its own: it does not get the terminal's Ctrl-C, and lives long enough for the guest to be put
 * back; and the group is what can be ended whole (`ssh … | tee log`). It does not outlive this process.
 *
 * @param extra - what it inherits from descriptor 5 on
 * @internal
 */
export function spawnGuarded(
  command: string,
  extra: readonly ('pipe' | number)[] = [],
  environment?: NodeJS.ProcessEnv,
): ChildProcess {
  const stdio: StdioOptions = [
    'pipe',
    'pipe',
    'pipe',
    'pipe',
    ...(extra.length === 0 ? [] : ['ignore' as const]),
    ...extra,
  ];
  const child = spawn('/bin/sh', ['-c', GUARD, 'sh', command], {
    detached: true,
    stdio,
    ...(environment === undefined ? {} : { env: environment }),
  });
  // Nothing travels on it: its other end closes when this process ends, however it ends.
  child.stdio[3]?.on('error', () => {});
  return child;
}
