import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { processesWith, type SeenProcess, signal } from './processes.ts';

/** How often folders may go while they are looked through. */
const LOOKS = 10;

/**
 * Where a run of the command keeps whatever it keeps: a temporary directory, a runtime directory and a home of its own. What is
 * in there afterwards, and what runs with it in its environment, was left behind.
 */
export class Sandbox implements Disposable {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;

  constructor(temporaryName = 'tmp') {
    this.directory = mkdtempSync(join(tmpdir(), 'torture-'));
    const place = (name: string): string => {
      const path = join(this.directory, name);
      mkdirSync(path, { mode: 0o700 });
      return path;
    };
    this.environment = {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: place(temporaryName),
      XDG_RUNTIME_DIR: place('run'),
      XDG_STATE_HOME: place('state'),
      HOME: place('home'),
    };
    // A sticky directory as /tmp is: what another user may be handed in it has to be reachable.
    chmodSync(this.directory, 0o755);
    chmodSync(this.environment['TMPDIR'] ?? '', 0o1777);
  }

  /** Files and directories that are there now, below the places above. */
  leftovers(): readonly string[] {
    for (let tries = LOOKS; ; tries -= 1) {
      try {
        return readdirSync(this.directory, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.parentPath !== this.directory)
          .map((entry) => relative(this.directory, join(entry.parentPath, entry.name)));
      } catch (error) {
        // A folder that was seen went before it was looked into.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries <= 1) throw error;
      }
    }
  }

  /** Processes that were started from a run in here, and live. */
  processes(): readonly SeenProcess[] {
    return processesWith(this.directory);
  }

  /** The processes that guard a client of this sandbox. */
  watchdogs(): readonly SeenProcess[] {
    return this.processes().filter(({ command }) => command.includes('watchdog'));
  }

  /** Ends what is left, for the next case. */
  clear(): void {
    for (const { pid } of this.processes()) {
      signal(pid, 'SIGCONT');
      signal(pid, 'SIGKILL');
    }
    for (const name of this.leftovers()) rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.clear();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
