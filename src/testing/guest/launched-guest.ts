/// <reference lib="esnext.disposable" preserve="true" />
import { setTimeout as delay } from 'node:timers/promises';
import { cont, QmpClient, type QmpEvent, queryStatus, stop } from '../../../protocols/qmp/index.ts';
import { type AbandonSignal, letEnd } from '../../../protocols/transport/internal.ts';
import { attach, type Guest, type GuestView, type MapScope, type TranslateScope } from '../../guest/index.ts';
import { formatHex } from '../../report/index.ts';
import type { AskedAccess, GuestAnswer } from '../answers/guest-answer.ts';
import type { GuestMap } from '../answers/guest-map.ts';
import { requireAddress } from '../answers/require-address.ts';
import type { GuestConsole } from '../console/guest-console.ts';
import { inTime } from '../console/in-time.ts';
import { SerialShell, type ShellOptions, type ShellResult } from '../console/serial-shell.ts';
import { whileAlive } from '../console/while-alive.ts';
import {
  ExpectationError,
  GuestDiedError,
  type GuestEnd,
  type GuestEndKind,
  GuestRunError,
  inBrackets,
  QemuOptionError,
} from '../errors.ts';
import type { QemuProcess } from '../qemu/qemu-process.ts';
import { type Checkpoint, Checkpoints } from './checkpoints.ts';
import {
  describeEnd,
  kindOfReset,
  kindOfShutdown,
  lookAtEnd,
  mayBeTripleFault,
  readResets,
  UNSEEN,
} from './describe-end.ts';
import type { GuestOptions, UseOptions } from './guest-options.ts';
import { isEndOfPanic, panicOf } from './linux-panic.ts';
import { PausedGuest } from './paused-guest.ts';
import { type GuestStop, type RunUntilOptions, runTo } from './run-to.ts';
import { saveArtifacts } from './save-artifacts.ts';
import { GuestTurns, type Turn } from './turns/guest-turns.ts';
import { unlessAborted } from './turns/unless-aborted.ts';
import { WireRecorder } from './wire-recorder.ts';

/** Looking at a guest that has ended, or has failed a test, must not take for ever. Milliseconds. */
const LOOK_TIMEOUT_MS = 10_000;
/** When a connection breaks, why is known as soon as QEMU's end is. Milliseconds. */
const END_GRACE_MS = 1000;
/** A test that fails again and again fills no disk. */
const MOST_ARTIFACTS = 20;
const QMP_TIMEOUT_MS = 60_000;

/**
 * A guest that a test has started, with all that the test does to it: one connection to the monitor and one to the GDB stub, for any
 * number of pauses and runs. It ends with {@link LaunchedGuest.stop}, and in any case with this process, which it does not keep alive.
 *
 * Whatever waits for a guest that comes to its end fails at once, with a `GuestDiedError`.
 *
 * @example
 * ```ts
 * await using guest = await launchGuest({ kernel: 'bzImage', initrd: 'initramfs', append: 'console=ttyS0 quiet', serial: true });
 * await guest.console.expect(/BOOTED/, { failOn: /Kernel panic|Oops/ });
 * const { output } = await guest.shell('cat /proc/cmdline');
 * expectFault(await guest.translate(kernelText, { write: true }), { fault: 'PRIVILEGE_VIOLATION' });
 * ```
 * @public
 */
export class LaunchedGuest implements AsyncDisposable {
  /** What the guest says on its debug console (port 0xe9) and its serial port. */
  readonly console: GuestConsole;
  /** QEMU. Its `qmpEndpoint` is free for a client under test. */
  readonly qemu: QemuProcess;
  readonly #options: GuestOptions;
  readonly #monitor: QmpClient;
  readonly #shell: SerialShell | undefined;
  readonly #checkpoints: Checkpoints;
  readonly #wire = new WireRecorder();
  /** Rejects when the guest comes to its end, or is stopped; never resolves. */
  readonly #ended: Promise<never>;
  readonly #rejectEnded: (reason: unknown) => void;
  #end: GuestDiedError | undefined;
  #isEnding = false;
  #stopping: Promise<void> | undefined;
  #attached: Promise<Guest> | undefined;
  readonly #turns = new GuestTurns();
  /** How many looks share the pause that is under way. */
  #pauses = 0;
  #paused: Promise<PausedGuest> | undefined;
  /** The guest has come to this address, and stays there. */
  #heldAt: bigint | undefined;
  /** It was started paused, and has not run since. */
  #isUnstarted: boolean;
  readonly #saved = new WeakSet<object>();
  #artifacts = 0;
  readonly #abandon = () => void this.#stopWith(this.#options.signal?.reason).catch(() => {});

  private constructor(qemu: QemuProcess, monitor: QmpClient, options: GuestOptions) {
    this.qemu = qemu;
    this.console = qemu.console;
    this.console.belongTo({
      whyStill: () => this.#whyStill() ?? this.#whySilent(),
      explain: (error) => this.#explain(error),
      hear: (line) => this.#hear(line),
    });
    this.#monitor = monitor;
    this.#options = options;
    this.#isUnstarted = options.paused === true;
    this.#checkpoints = new Checkpoints(monitor, qemu.directory);
    if (qemu.serial !== undefined) {
      this.#shell = new SerialShell(
        qemu.serial,
        () => this.console.tail,
        () => this.#whyStill(),
      );
      this.console.listen(qemu.serial, this.#shell.echo);
    }
    const { promise, reject } = withReject();
    this.#ended = promise;
    this.#rejectEnded = reject;
    this.#ended.catch(() => {});
    monitor.onEvent((event) => this.#onEvent(event));
    void qemu.exited.then(() => this.#onEnd('exited'));
    options.signal?.addEventListener('abort', this.#abandon);
    if (options.signal?.aborted === true) this.#abandon();
  }

  /** @internal Use `launchGuest`. */
  static async over(qemu: QemuProcess, options: GuestOptions): Promise<LaunchedGuest> {
    qemu.letEnd();
    const monitor = await QmpClient.connect(qemu.watchEndpoint, {
      timeoutMs: QMP_TIMEOUT_MS,
      requestTimeoutMs: QMP_TIMEOUT_MS,
    });
    letEnd(monitor.connection);
    const guest = new LaunchedGuest(qemu, monitor, options);
    if (options.paused !== true) await cont(monitor);
    return guest;
  }

  /** Endpoint of a QMP socket that nothing else uses, for a client under test: `unix:…`. */
  get qmpEndpoint(): string {
    return this.qemu.qmpEndpoint;
  }

  /** How the guest came to its end; undefined while it has not. */
  get end(): GuestEnd | undefined {
    return this.#end?.end;
  }

  /**
   * Runs a command in the shell that the guest has on its serial port. Commands come one after the other, each in a subshell.
   *
   * @throws GuestShellError `ERR_TESTING_SHELL`; QemuOptionError `ERR_TESTING_OPTION` for a guest without `serial`.
   */
  shell(command: string, options: ShellOptions = {}): Promise<ShellResult> {
    return this.#use(async () => {
      if (this.#shell === undefined) throw new QemuOptionError('this guest was started without serial: true');
      return this.#shell.run(command, options);
    });
  }

  /**
   * Pauses the guest, runs `use`, and lets the guest go on, whatever happens; a guest that stands at an address stays there.
   *
   * Whatever else is asked of the guest meanwhile comes afterwards, in the order in which it was asked. What `use` asks itself is
   * asked in this pause; `checkpoint()` may be called in it as well.
   *
   * @param options - its signal ends the pause, also where `use` does not end
   */
  whilePaused<T>(use: (paused: PausedGuest) => Promise<T> | T, { signal }: UseOptions = {}): Promise<T> {
    return this.#inTurn(
      { name: 'whilePaused', kind: 'pause' },
      (isInside) => this.#inPause(use, isInside, signal),
      signal,
    );
  }

  /** Asks one address, in a pause that it shares with what else is asked then. As {@link PausedGuest.translate}. */
  translate(
    address: bigint,
    access: AskedAccess = {},
    { signal, ...scope }: TranslateScope & UseOptions = {},
  ): Promise<GuestAnswer> {
    return this.#look('translate', (paused) => paused.translate(address, access, scope), signal);
  }

  /** The map of an address space, likewise. As {@link PausedGuest.map}. */
  map({ signal, ...scope }: MapScope & UseOptions = {}): Promise<GuestMap> {
    return this.#look('map', (paused) => paused.map(scope), signal);
  }

  /**
   * Lets the guest run until a vCPU comes to a linear address, or to a symbol of the Linux in it, and leaves it there, stopped, until
   * {@link LaunchedGuest.resume} or the next run. The breakpoint is gone then. Nothing else can be asked of the guest while it is on its way, but for its console and its
   * shell.
   *
   * @example
   * ```ts
   * const stop = await guest.runUntil('ksys_sync', { while: () => guest.shell('sync') });
   * const answer = await guest.translate(stop.registers.rdi, { write: true }, { cpu: stop.cpu });
   * await guest.resume();
   * ```
   * @throws GuestRunError `ERR_TESTING_RUN` where it does not come to it in time; as `Linux.findSymbol`; what `while` fails with; the
   * signal's reason. It runs on then.
   */
  runUntil(where: bigint | string, options: RunUntilOptions = {}): Promise<GuestStop> {
    const work = async () => {
      if (typeof where !== 'string') requireAddress(where, 'runUntil');
      const guest = await this.#attach();
      const view = await guest.pause();
      const address = typeof where === 'string' ? await this.#addressOf(where, view) : BigInt.asUintN(64, where);
      this.#heldAt = address;
      this.#isUnstarted = false;
      try {
        return await runTo(guest, [address], options, () => this.console.tail);
      } catch (error) {
        // Why it failed comes first.
        await this.#resumeNow().catch(() => {});
        throw error;
      }
    };
    return this.#inTurn({ name: 'runUntil', kind: 'run' }, work, options.signal);
  }

  /** Lets a guest run that stands at an address, or was started with `paused`. */
  resume({ signal }: UseOptions = {}): Promise<void> {
    return this.#inTurn({ name: 'resume', kind: 'change' }, () => this.#resumeNow(), signal);
  }

  /**
   * Saves the guest as it is now: RAM, vCPUs, devices; disks where their format has snapshots (qcow2). It runs on, or stays paused.
   *
   * @throws CheckpointError `ERR_TESTING_CHECKPOINT`.
   */
  checkpoint({ signal }: UseOptions = {}): Promise<Checkpoint> {
    const work = () => this.#whileStopped(() => this.#checkpoints.save());
    return this.#inTurn({ name: 'checkpoint', kind: 'save' }, work, signal);
  }

  /**
   * Puts the guest back to a checkpoint, from where it runs on. What its console had said is forgotten.
   *
   * @throws CheckpointError `ERR_TESTING_CHECKPOINT` also for a checkpoint of another guest.
   */
  restore(checkpoint: Checkpoint, { signal }: UseOptions = {}): Promise<void> {
    const work = async () => {
      this.#checkpoints.require(checkpoint);
      if (this.#heldAt !== undefined) await this.#resumeNow();
      await this.#whileStopped(async () => {
        await this.#checkpoints.load(checkpoint);
        this.#shell?.forget();
        this.console.forget();
      });
    };
    return this.#inTurn({ name: 'restore', kind: 'change' }, work, signal);
  }

  /** Lets go of the guest's GDB stub, for another client; the next pause takes it again. The guest runs. */
  letGo({ signal }: UseOptions = {}): Promise<void> {
    const work = async () => {
      // Who leaves a guest puts it back as it was before its first pause: one that was started paused would stay so.
      if (this.#heldAt !== undefined) await this.#resumeNow();
      const attached = this.#attached;
      this.#attached = undefined;
      await (await attached)?.detach();
    };
    return this.#inTurn({ name: 'letGo', kind: 'change' }, work, signal);
  }

  /**
   * Has QEMU's monitor execute a command, on the kit's own connection: `guest.execute('inject-nmi')`. What pauses, resumes or ends the
   * guest has a method here, which knows of it.
   *
   * @returns what the command returns, as it came
   * @throws QmpCommandError of QEMU.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>, { signal }: UseOptions = {}): Promise<unknown> {
    return this.#use(() => unlessAborted(this.#monitor.execute(command, args), signal));
  }

  /** Waits until the guest has come to its end by itself. @returns how */
  async waitForEnd({
    timeoutMs = QMP_TIMEOUT_MS,
    signal,
  }: UseOptions & { readonly timeoutMs?: number } = {}): Promise<GuestEnd> {
    const late = () =>
      new GuestRunError(
        `the guest did not come to its end in ${timeoutMs} ms${inBrackets(this.#whyStill())}`,
        [],
        this.console.tail,
      );
    try {
      return await unlessAborted(inTime(this.#ended, timeoutMs, late), signal);
    } catch (error) {
      if (error instanceof GuestDiedError) return error.end;
      throw error;
    }
  }

  /**
   * Puts what a failure is explained by into a folder of its own below `artifacts`. Done by itself where something of this kit fails.
   *
   * @param name - of the folder: the test
   * @returns the folder; undefined where no `artifacts` were wanted, or there are too many already
   */
  async saveArtifacts(name: string, failure?: unknown): Promise<string | undefined> {
    const { artifacts: root } = this.#options;
    if (root === undefined || this.#artifacts >= MOST_ARTIFACTS) return undefined;
    this.#artifacts += 1;
    const why = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure ?? '');
    const summary = `${why}\n\nQEMU: ${this.qemu.command.join(' ')}\n${this.qemu.output}\n`;
    const { lines } = this.console;
    const parts = { root, name, summary, console: lines, wire: this.#wire.toLines() };
    // Who looks waits for its turn, in what time there is; the pause ends when the folder is made.
    let done: () => void = () => {};
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    const look = async (): Promise<readonly [GuestView, Guest]> => {
      // A test that hangs in its pause, or is failing in it, is looked at there.
      if (this.#turns.current?.kind === 'pause') {
        const paused = await this.#paused;
        if (paused !== undefined) return [paused.view, await this.#attach()];
      }
      return new Promise((resolve, reject) => {
        const late = new AbortController();
        const timer = setTimeout(() => {
          late.abort(lookedTooLong());
          reject(lookedTooLong());
        }, LOOK_TIMEOUT_MS);
        const use = async ({ view }: PausedGuest) => {
          resolve([view, await this.#attach()]);
          clearTimeout(timer);
          await isDone;
        };
        const turn = { name: 'saveArtifacts', kind: 'look' } as const;
        this.#turns
          .take(turn, (isInside) => this.#inPause(use, isInside, late.signal), late.signal)
          .catch(reject)
          .finally(() => clearTimeout(timer));
      });
    };
    try {
      return await whileAlive(saveArtifacts(parts, look));
    } finally {
      done();
    }
  }

  /** Ends QEMU at once, waits until it is gone, and removes its directory. What waits for the guest fails. Idempotent. */
  stop(): Promise<void> {
    return this.#stopWith(new QemuOptionError('the guest was stopped by its test'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #stopWith(reason: unknown): Promise<void> {
    this.#stopping ??= whileAlive(this.#stopNow(reason));
    return this.#stopping;
  }

  async #stopNow(reason: unknown): Promise<void> {
    this.#isEnding = true;
    this.#options.signal?.removeEventListener('abort', this.#abandon);
    this.#settleEnd(reason);
    await this.qemu.stop();
    // QEMU is gone: there is nothing to put back.
    await this.#attached?.then((guest) => guest.detach()).catch(() => {});
    await this.#monitor.close();
  }

  /** Whether it has come to its end, or was stopped. @internal */
  get isOver(): boolean {
    return this.#isEnding;
  }

  /** Whether no test does anything with the guest any more within this time. @internal */
  becomesIdle(withinMs: number): Promise<boolean> {
    return this.#turns.becomesIdle(withinMs);
  }

  #inTurn<T>(turn: Turn, work: (isInside: boolean) => Promise<T>, signal: AbandonSignal | undefined): Promise<T> {
    const takesLong = turn.kind === 'save' || turn.kind === 'change';
    return this.#use(() => {
      const mine = this.#turns.take(turn, work, signal);
      // What QEMU does it does to its end. Pauses and runs end first, so that nothing is left paused.
      return takesLong ? unlessAborted(mine, signal) : mine;
    });
  }

  #look<T>(name: string, ask: (paused: PausedGuest) => Promise<T>, signal: AbandonSignal | undefined): Promise<T> {
    return this.#inTurn({ name, kind: 'look' }, (isInside) => this.#inPause(ask, isInside, signal), signal);
  }

  /** Inside of a pause that is this test's own there is no other. */
  async #inPause<T>(
    use: (paused: PausedGuest) => Promise<T> | T,
    isInside: boolean,
    signal: AbandonSignal | undefined,
  ): Promise<T> {
    if (isInside && this.#paused !== undefined) return unlessAborted(Promise.resolve(use(await this.#paused)), signal);
    const paused = await this.#enterPause();
    let result: T;
    try {
      result = await unlessAborted(Promise.resolve(use(paused)), signal);
    } catch (error) {
      await this.#explain(error);
      await this.#leavePause().catch(() => {});
      throw error;
    }
    await this.#leavePause();
    return result;
  }

  /** Why the guest says nothing, for a test that waits for it in vain. */
  #whyStill(): string | undefined {
    if (this.#turns.current?.kind === 'run') return undefined;
    if (this.#heldAt !== undefined) {
      return `the guest is stopped at ${formatHex(this.#heldAt)} since runUntil(): resume() lets it run`;
    }
    if (this.#isUnstarted) return 'the guest was started with paused: true: resume() lets it run';
    return this.#pauses > 0 ? `the guest is paused: ${this.#turns.current?.name}() is under way` : undefined;
  }

  /** Where a Linux talks, which says nothing. */
  #whySilent(): string | undefined {
    if (this.#shell !== undefined || this.#options.kernel === undefined || this.console.lines.length > 0)
      return undefined;
    return "it has no serial port, where a Linux talks: serial: true, append: 'console=ttyS0'";
  }

  /** What waits for the guest hears of its end before it hears of a broken connection. */
  async #use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#end !== undefined) throw this.#end;
    try {
      return await Promise.race([work(), this.#ended]);
    } catch (error) {
      const reason = await this.#reasonOf(error);
      await this.#explain(reason);
      throw reason;
    }
  }

  async #reasonOf(error: unknown): Promise<unknown> {
    if (error instanceof GuestDiedError || error instanceof ExpectationError) return error;
    if (!this.#isEnding && this.#monitor.state === 'ready') return error;
    return Promise.race([this.#ended, delay(END_GRACE_MS)]).then(
      () => error,
      (end: unknown) => end,
    );
  }

  /** Once for each failure. */
  async #explain(error: unknown): Promise<void> {
    if (this.#options.artifacts === undefined || typeof error !== 'object' || error === null) return;
    if (this.#saved.has(error) || this.#stopping !== undefined) return;
    // What lets the guest run fails with it, and the guest can be looked at then.
    if (this.#turns.isInsideRun) return;
    this.#saved.add(error);
    const folder = await this.saveArtifacts('failure', error).catch(() => undefined);
    if (folder !== undefined && error instanceof Error) addToMessage(error, `\n(artifacts: ${folder})`);
  }

  /** Whether a failure is explained already: it, or what it is made of, came out of this guest. @internal */
  hasExplained(failure: unknown): boolean {
    if (typeof failure !== 'object' || failure === null) return false;
    return this.#saved.has(failure) || ('cause' in failure && this.hasExplained(failure.cause));
  }

  /** The address of a symbol; where there is none a guest that ran goes on. */
  async #addressOf(symbol: string, view: GuestView): Promise<bigint> {
    try {
      return (await (await view.linux()).findSymbol(symbol)).address;
    } catch (error) {
      if (this.#heldAt === undefined) await (await this.#attach()).resume().catch(() => {});
      throw error;
    }
  }

  #attach(): Promise<Guest> {
    if (this.#attached !== undefined) return this.#attached;
    const attached = attach({
      qmp: this.qemu.ownEndpoint,
      timeoutMs: QMP_TIMEOUT_MS,
      // The guest is the test's own, and ends with this process: no pause is too long, and nothing need resume it.
      maxPauseMs: Number.POSITIVE_INFINITY,
      watchdog: false,
      allowWrites: true,
      background: true,
      ...(this.#options.artifacts === undefined ? {} : { trace: this.#wire.sink }),
    });
    this.#attached = attached;
    attached.catch(() => {
      // The next pause tries again.
      if (this.#attached === attached) this.#attached = undefined;
    });
    return attached;
  }

  #enterPause(): Promise<PausedGuest> {
    this.#pauses += 1;
    if (this.#pauses === 1) {
      this.#paused = this.#attach().then(
        async (guest) => new PausedGuest(guest, await guest.pause(), () => this.console.tail),
      );
    }
    const paused = this.#paused as Promise<PausedGuest>;
    return paused.catch((error: unknown) => {
      this.#pauses -= 1;
      throw error;
    });
  }

  async #leavePause(): Promise<void> {
    this.#pauses -= 1;
    if (this.#pauses > 0) return;
    const paused = await this.#paused;
    this.#paused = undefined;
    await paused?.end();
    // A guest that has come to its end stays as it is.
    if (this.#heldAt === undefined && !this.#isEnding) await (await this.#attach()).resume();
  }

  async #resumeNow(): Promise<void> {
    this.#heldAt = undefined;
    this.#isUnstarted = false;
    if (this.#isEnding) return;
    await (await this.#attached)?.resume();
    // It had been paused before: at an address, or from the start.
    const { running } = await queryStatus(this.#monitor);
    if (!running && !this.#isEnding) await cont(this.#monitor);
  }

  /** Stops the guest for something that QEMU does; a guest that was paused stays so. */
  async #whileStopped<T>(work: () => Promise<T>): Promise<T> {
    const { running } = await queryStatus(this.#monitor);
    if (running) await stop(this.#monitor);
    try {
      return await work();
    } finally {
      if (running && !(await queryStatus(this.#monitor)).running) await cont(this.#monitor);
    }
  }

  #onEvent({ event, data = {} }: QmpEvent): void {
    if (event === 'GUEST_PANICKED') this.#onEnd('panicked');
    if (event !== 'SHUTDOWN') return;
    const how = kindOfShutdown(data['reason']);
    if (how !== undefined) this.#onEnd(how);
  }

  #hear(line: string): void {
    if (isEndOfPanic(line)) this.#onEnd('panicked');
  }

  #onEnd(how: GuestEndKind): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    void whileAlive(this.#describe(how)).then((end) => {
      this.#end = new GuestDiedError(end, describeEnd(end));
      this.#settleEnd(this.#end);
    });
  }

  async #describe(how: GuestEndKind): Promise<GuestEnd> {
    const panic = panicOf(this.console.lines);
    const resets = how === 'reset' ? await readResets(this.qemu) : '';
    const exact = how === 'reset' ? kindOfReset(resets, panic !== undefined) : how;
    const unseen = { ...UNSEEN, mayBeTripleFault: mayBeTripleFault(exact, resets, null) };
    const seen =
      how === 'exited'
        ? unseen
        : await inTime(
            this.#attach().then((guest) => lookAtEnd(guest, exact, this.console.lines, resets)),
            LOOK_TIMEOUT_MS,
            lookedTooLong,
          ).catch(() => unseen);
    const exit = how === 'exited' ? await this.qemu.exited : null;
    const lastLines = exact === 'panicked' && panic !== undefined ? panic : this.console.tail;
    return { how: exact, exit, ...seen, output: this.qemu.output, lastLines };
  }

  #settleEnd(reason: unknown): void {
    this.#rejectEnded(reason);
    this.console.end(reason);
    this.#shell?.end(reason);
  }
}

function withReject(): { readonly promise: Promise<never>; readonly reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  return { promise, reject };
}

function lookedTooLong(): QemuOptionError {
  return new QemuOptionError(`the guest could not be looked at in ${LOOK_TIMEOUT_MS} ms`);
}

/** The message of a DOMException, such as the reason of `AbortSignal.timeout()`, cannot be assigned to. */
function addToMessage(error: Error, text: string): void {
  const message = { value: error.message + text, configurable: true, writable: true };
  Reflect.defineProperty(error, 'message', message);
}
