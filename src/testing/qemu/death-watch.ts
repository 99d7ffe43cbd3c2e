import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Waits for the end of its input. That comes when this process ends, in any way: no process can catch SIGKILL, but the
 * system closes a dead process's pipes.
 */
const SCRIPT = 'read -r _; kill -9 "$1" 2>/dev/null; rm -rf -- "$2"';

/** Sees to it that a child does not outlive this process, and that its directory goes with it. @internal */
export class DeathWatch {
  readonly #watcher: ChildProcess;

  constructor(pid: number, directory: string) {
    // In a session of its own: a Ctrl-C in the terminal reaches every process of the foreground group.
    this.#watcher = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(pid), directory], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watcher.on('error', () => {});
    this.#watcher.stdin?.on('error', () => {});
    this.#watcher.unref();
  }

  /** To be called once the child is gone, before its number can belong to another process. */
  cancel(): void {
    this.#watcher.kill('SIGKILL');
    this.#watcher.stdin?.destroy();
  }
}
