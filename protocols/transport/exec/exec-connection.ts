import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectOptions } from '../connect-options.ts';
import type { Connection } from '../connection.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { ConnectError } from '../errors.ts';
import { endingInWords } from './command-ending.ts';
import { spawnGuarded } from './guarded-command.ts';
import { ProcessGroup } from './process-group.ts';
import { TailBuffer } from './tail-buffer.ts';

/** How long a command may take to leave by itself when its input ends, and again when it is asked to (SIGTERM). */
const CLOSE_GRACE_MS = 300;
/** The end of the output and the exit of the command are two events; how long the second may follow the first. */
const EXIT_GRACE_MS = 1000;
/** How much of the command's last words on standard error is kept. */
const STDERR_CHARS = 2000;

/** Starts a command whose standard input and output become the connection. @internal */
export function connectCommand(
  target: Extract<Endpoint, { kind: 'exec' }>,
  { signal }: ConnectOptions,
): Promise<Connection> {
  const endpoint = formatEndpoint(target);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      const cause = signal.reason;
      reject(new ConnectError('ERR_TRANSPORT_ABORTED', endpoint, 'the attempt was abandoned', { cause }));
      return;
    }
    const child = spawnGuarded(target.command);
    child.once('spawn', () => resolve(new ExecConnection(endpoint, child as ChildProcessWithoutNullStreams)));
    child.once('error', (cause) =>
      reject(
        new ConnectError('ERR_TRANSPORT_SPAWN', endpoint, `the command did not start: ${cause.message}`, { cause }),
      ),
    );
  });
}

class ExecConnection implements Connection {
  readonly endpoint: string;
  readonly stream: Duplex;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #group: ProcessGroup | undefined;
  readonly #stderr = new TailBuffer(STDERR_CHARS);
  #closing: Promise<void> | undefined;

  constructor(endpoint: string, child: ChildProcessWithoutNullStreams) {
    this.endpoint = endpoint;
    this.#child = child;
    this.#group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
    child.once('exit', () => this.#group?.noteLeaderExit());
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#stderr.push(text));
    this.stream = new ChildStream(child);
    this.stream.on('error', () => {});
  }

  explainEnd(): string {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return '';
    return `the command ${endingInWords(exitCode, signalCode, this.#stderr.text())}`;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.stream.end();
    this.stream.resume();
    await this.#group?.end(CLOSE_GRACE_MS);
    this.stream.destroy();
    this.#child.stderr.destroy();
  }
}

/** A command's input and output as one stream that ends only when it is known why. */
class ChildStream extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<void>;

  constructor(child: ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: false });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('close', () => resolve());
    });
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stdout.once('end', () => void this.#afterExit().then(() => this.push(null)));
    child.stdout.once('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, (error) => {
      if (error) void this.#afterExit().then(() => done(error));
      else done();
    });
  }

  override _final(done: () => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    done(error);
  }

  async #afterExit(): Promise<void> {
    await Promise.race([this.#exited, delay(EXIT_GRACE_MS, undefined, { ref: false })]);
  }
}
