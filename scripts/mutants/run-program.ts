import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly timedOut: boolean;
  /** The end of what it said. */
  readonly said: string;
}

const KEPT = 65_536;

/** By process id: the groups that run now. */
const groups = new Set<number>();

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // The group is gone.
  }
}

// Groups of their own do not hear of a Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const group of groups) endGroup(group);
    process.kill(process.pid, signal);
  });
}

/** Runs a program of Node in a process group of its own, all of which is gone afterwards. */
export async function runProgram(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ProgramEnd> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('utf8')).slice(-KEPT);
    });
  }
  let timedOut = false;
  const group = child.pid;
  if (group !== undefined) groups.add(group);
  const end = (): void => {
    if (group !== undefined) endGroup(group);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return { code, timedOut, said };
  } finally {
    clearTimeout(timer);
    end();
    if (group !== undefined) groups.delete(group);
  }
}
