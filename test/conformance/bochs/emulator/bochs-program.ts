import { spawnSync } from 'node:child_process';

/** A Bochs to be run, and which one it is. */
export interface BochsProgram {
  readonly path: string;
  readonly version: string;
}

/** Debian's program; `bochs` itself is a script around it. */
export const DEBIAN_BOCHS = 'bochs-bin';

/**
 * Asks a program for its version.
 *
 * @throws Error saying what to do if it is no Bochs
 */
export function findBochs(path = process.env['PAGEWALK_BOCHS'] ?? DEBIAN_BOCHS): BochsProgram {
  const { stdout, stderr, error } = spawnSync(path, ['--help', 'cpu'], { encoding: 'utf8', timeout: 60_000 });
  const version = /Bochs x86 Emulator (\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1];
  if (version !== undefined) return { path, version };
  throw new Error(`${path} is no Bochs that runs here: scripts/setup.sh installs Debian's`, { cause: error });
}
