import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { makeNamelessPipe, type NamelessPipe } from '../../../protocols/transport/internal.ts';
import { GuestConsole } from '../console/guest-console.ts';
import { QemuLaunchError } from '../errors.ts';
import { awaitMonitor } from './await-monitor.ts';
import { type QemuOptions, qemuArguments, SERIAL_FD, socketPaths } from './qemu-arguments.ts';
import { QemuProcess } from './qemu-process.ts';

const DEFAULT_BINARY = 'qemu-system-x86_64';
const DEFAULT_START_TIMEOUT_MS = 20_000;
const KEPT_OUTPUT_CHARS = 4000;

/**
 * Starts a QEMU with QMP and GDB sockets in a private directory, and returns when it answers, and is ready if that is to be waited for. It ends with
 * {@link QemuProcess.stop}, and in any case with this process, even if that is killed.
 *
 * @example
 * ```ts
 * await using guest = await launchQemu({ kernel: 'guest.bin', cpu: 'max', ready: /^ready/ });
 * ```
 *
 * @throws QemuLaunchError (`ERR_TESTING_SPAWN`, `ERR_TESTING_EXITED`, `ERR_TESTING_TIMEOUT`); the signal's reason. Nothing is left
 * behind then.
 * @public
 */
export async function launchQemu(options: QemuOptions = {}): Promise<QemuProcess> {
  const { signal, startTimeoutMs = DEFAULT_START_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  // mkdtemp makes it for this user only (0700): a process that reaches a GDB socket owns the guest.
  const directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
  try {
    const qemu = await startProcess(options, directory);
    const end = () => void qemu.stop();
    signal?.addEventListener('abort', end);
    void qemu.exited.then(() => signal?.removeEventListener('abort', end));
    if (signal?.aborted === true) end();
    await awaitAnswer(qemu, startTimeoutMs).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    await awaitReady(qemu, options);
    return qemu;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Waits for a guest to say that it is ready, if it is to say so. A guest that does not is stopped. @internal */
export async function awaitReady(
  guest: { readonly console: GuestConsole; readonly stop: () => Promise<void> },
  { ready, failOn, readyTimeoutMs: timeoutMs, signal }: QemuOptions,
): Promise<void> {
  if (ready === undefined) return;
  const how = {
    ...(failOn === undefined ? {} : { failOn }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    await guest.console.expect(ready, how);
  } catch (error) {
    await guest.stop();
    throw error;
  }
}

/** The program that {@link launchQemu} starts when none is named. @public */
export function defaultQemuBinary(): string {
  const { PAGEWALK_QEMU } = process.env;
  return PAGEWALK_QEMU || DEFAULT_BINARY;
}

async function startProcess(options: QemuOptions, directory: string): Promise<QemuProcess> {
  const binary = options.binary ?? defaultQemuBinary();
  const command = [binary, ...qemuArguments(options, socketPaths(directory))];
  const pipe = options.debugcon === false ? undefined : await makeNamelessPipe(directory);
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', pipe?.writer ?? 'ignore'];
  if (options.serial === true) stdio.push('pipe');
  const child = startWith(pipe, () => spawn(binary, command.slice(1), { stdio }));
  const output = collectOutput(child);
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(Number(child.pid)));
    child.once('error', (cause) => {
      // Node does not close the pipes of a process that never was, and they would keep this one alive.
      for (const stream of [...child.stdio, pipe?.reader]) stream?.destroy();
      const problem =
        `${binary} could not be started (${cause.message}).\nQEMU is in the package qemu-system-x86 (Debian, Ubuntu, Fedora, Arch) ` +
        'or\nqemu-system-x86_64 (Alpine); PAGEWALK_QEMU names another program';
      reject(new QemuLaunchError('ERR_TESTING_SPAWN', problem, { command, output: '' }, { cause }));
    });
  });
  const console = new GuestConsole(pipe?.reader);
  const serial = child.stdio[SERIAL_FD];
  return new QemuProcess({
    ...{ child, pid, command, directory, options, console, output },
    consolePipe: pipe?.reader,
    serial: serial instanceof Duplex ? serial : undefined,
  });
}

/** @throws as `start`; nothing of the pipe is left open here then. */
function startWith(pipe: NamelessPipe | undefined, start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (error) {
    pipe?.reader.destroy();
    throw error;
  } finally {
    if (pipe !== undefined) closeSync(pipe.writer);
  }
}

async function awaitAnswer(qemu: QemuProcess, timeoutMs: number): Promise<void> {
  const giveUp = new AbortController();
  try {
    const answered = awaitMonitor(qemu.witnessEndpoint, timeoutMs, giveUp.signal);
    const outcome = await Promise.race([answered, qemu.exited]);
    if (outcome === 'answered') return;
    const { command, output } = qemu;
    if (outcome === 'timed-out') {
      const problem = `QEMU did not answer on ${qemu.witnessEndpoint} in ${timeoutMs} ms`;
      throw new QemuLaunchError('ERR_TESTING_TIMEOUT', problem, { command, output });
    }
    const end = outcome.signal === null ? `with status ${outcome.status}` : `by ${outcome.signal}`;
    throw new QemuLaunchError('ERR_TESTING_EXITED', `QEMU ended ${end} before it answered`, { command, output });
  } catch (error) {
    await qemu.stop();
    throw error;
  } finally {
    giveUp.abort();
  }
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  const keep = (chunk: string) => {
    text = (text + chunk).slice(-KEPT_OUTPUT_CHARS);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  return () => text.trim();
}
