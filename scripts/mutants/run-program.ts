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
  const endGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group is gone.
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    endGroup();
  }, timeoutMs);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return { code, timedOut, said };
  } finally {
    clearTimeout(timer);
    endGroup();
  }
}
