/// <reference lib="esnext.disposable" preserve="true" />
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestConsole } from '../console/guest-console.ts';
import { QemuOptionError } from '../errors.ts';
import { DeathWatch } from './death-watch.ts';
import { type QemuOptions, resetLogOf, socketPaths } from './qemu-arguments.ts';

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
  /** Endpoint of a third QMP socket, with `holdAtEnd`, for the kit's own pauses. @internal */
  readonly ownEndpoint: string;
  /** Endpoint of a fourth, likewise, by which the kit hears of what happens to the guest. @internal */
  readonly watchEndpoint: string;
  /** QEMU's log of resets, with `holdAtEnd`; undefined where it is a part of its output. @internal */
  readonly resetLog: string | undefined;
  /** The serial port, both ways; undefined without `serial`. Who reads it takes what it says. @internal */
  readonly serial: Duplex | undefined;
  /** The guest's debug console. */
  readonly console: GuestConsole;
  /** Settles when QEMU has ended, for whatever reason. Never rejects. */
  readonly exited: Promise<QemuExit>;
  readonly #child: ChildProcess;
  readonly #consolePipe: Duplex | undefined;
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
    readonly consolePipe: Duplex | undefined;
    readonly output: () => string;
    readonly serial?: Duplex | undefined;
  }) {
    const sockets = socketPaths(parts.directory);
    this.pid = parts.pid;
    this.command = parts.command;
    this.directory = parts.directory;
    this.qmpEndpoint = endpoint(sockets.qmp);
    this.witnessEndpoint = endpoint(sockets.witness);
    this.ownEndpoint = endpoint(sockets.own);
    this.watchEndpoint = endpoint(sockets.watch);
    this.resetLog = resetLogOf(parts.options, sockets);
    this.serial = parts.serial;
    this.console = parts.console;
    this.#child = parts.child;
    this.#consolePipe = parts.consolePipe;
    this.#gdbEndpoint = parts.options.gdb === false ? undefined : endpoint(sockets.gdb);
    this.#output = parts.output;
    const watch = new DeathWatch(parts.pid, parts.directory);
    this.exited = new Promise((resolve) => {
      parts.child.once('exit', (status, signal) => {
        watch.cancel();
        void afterLastWords(parts.child, parts.consolePipe).then(() => resolve({ status, signal }));
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

  /** This process may end while QEMU runs, which ends with it. @internal */
  letEnd(): void {
    this.#child.unref();
    for (const stream of [...this.#child.stdio, this.#consolePipe]) {
      if (stream instanceof Duplex && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** QEMU's last words may arrive after the news of its death; a process it left behind may hold its pipes for ever. */
async function afterLastWords(child: ChildProcess, pipe: Duplex | undefined): Promise<void> {
  const closed = [once(child, 'close'), ...(pipe === undefined || pipe.closed ? [] : [once(pipe, 'close')])];
  await Promise.race([Promise.all(closed), delay(LAST_WORDS_GRACE_MS, undefined, { ref: false })]);
}

function endpoint(path: string): string {
  return `unix:${path.replaceAll(',', ',,')}`;
}
