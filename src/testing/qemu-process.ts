/// <reference lib="esnext.disposable" preserve="true" />
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DeathWatch } from './death-watch.ts';
import { QemuOptionError } from './errors.ts';
import type { GuestConsole } from './guest-console.ts';
import { type QemuOptions, socketPaths } from './qemu-arguments.ts';

const LAST_WORDS_GRACE_MS = 250;

/** How a QEMU process ended; one of the two is null. @public */
export interface QemuExit {
  readonly status: number | null;
  /** `SIGKILL` and so on. */
  readonly signal: string | null;
}

/** A running QEMU. @public */
export class QemuProcess implements AsyncDisposable {
  readonly pid: number;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Private to this guest (mode 0700), holds its sockets, and goes with it. */
  readonly directory: string;
  /** Endpoint of a QMP socket, for the client under test: `unix:…`. */
  readonly qmpEndpoint: string;
  /** Endpoint of a second QMP socket, for the test itself to look at the guest while the first one has a client. */
  readonly witnessEndpoint: string;
  /** The guest's debug console. */
  readonly console: GuestConsole;
  /** Settles when QEMU has ended, for whatever reason. Never rejects. */
  readonly exited: Promise<QemuExit>;
  readonly #child: ChildProcess;
  readonly #gdbEndpoint: string | undefined;
  readonly #output: () => string;

  /** @internal */
  constructor(parts: {
    readonly child: ChildProcess;
    readonly pid: number;
    readonly command: readonly string[];
    readonly directory: string;
    readonly options: QemuOptions;
    readonly console: GuestConsole;
    readonly output: () => string;
  }) {
    const sockets = socketPaths(parts.directory);
    this.pid = parts.pid;
    this.command = parts.command;
    this.directory = parts.directory;
    this.qmpEndpoint = endpoint(sockets.qmp);
    this.witnessEndpoint = endpoint(sockets.witness);
    this.console = parts.console;
    this.#child = parts.child;
    this.#gdbEndpoint = parts.options.gdb === false ? undefined : endpoint(sockets.gdb);
    this.#output = parts.output;
    const watch = new DeathWatch(parts.pid, parts.directory);
    this.exited = new Promise((resolve) => {
      parts.child.once('exit', (status, signal) => {
        watch.cancel();
        void afterLastWords(parts.child).then(() => resolve({ status, signal }));
      });
    });
  }

  /**
   * Endpoint of the GDB stub: `unix:…`.
   *
   * @throws QemuOptionError (`ERR_TESTING_OPTION`) when the guest was started with `gdb: false`.
   */
  get gdbEndpoint(): string {
    if (this.#gdbEndpoint === undefined) throw new QemuOptionError('this guest was started with gdb: false');
    return this.#gdbEndpoint;
  }

  /** The end of what QEMU wrote on standard output and standard error. */
  get output(): string {
    return this.#output();
  }

  /** Ends QEMU at once, by its process id, waits until it is gone, and removes its directory. Idempotent. */
  async stop(): Promise<void> {
    // ChildProcess.kill sends nothing once the child was collected, so it can never hit a stranger.
    this.#child.kill('SIGKILL');
    await this.exited;
    await rm(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** QEMU's last words may arrive after the news of its death; a process it left behind may hold its pipes for ever. */
async function afterLastWords(child: ChildProcess): Promise<void> {
  await Promise.race([once(child, 'close'), delay(LAST_WORDS_GRACE_MS, undefined, { ref: false })]);
}

function endpoint(path: string): string {
  return `unix:${path.replaceAll(',', ',,')}`;
}
