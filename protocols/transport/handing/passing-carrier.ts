import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescriptorCarrier, HandedDescriptor, HandedFile, HandedStream } from '../connection.ts';
import { TailBuffer } from '../exec/tail-buffer.ts';
import { makeNamelessFile, type NamelessFile } from '../files/nameless-file.ts';
import { PYTHON_OPTIONS, pythonProgram } from './find-python.ts';
import { handedFile } from './handed-file.ts';
import { handedStream } from './handed-stream.ts';
import { PASSING_PROGRAM } from './passing-program.ts';

/** As the program knows them. */
const STREAM_DESCRIPTOR = 4;
const FILE_DESCRIPTOR = 5;
/** A small program of Python starts in 20 ms; what takes so long does not work. */
const START_MS = 5000;
const COMPLAINT_CHARS = 2000;

/** A program with one end of a connection, and the file where there is one. */
interface Passer {
  readonly child: ChildProcess;
  readonly stream: HandedStream;
}

/**
 * Hands descriptors to the process behind a unix socket, by a small program (python3) that shares the socket: Node cannot. What is not
 * handed over goes on being written and read here.
 *
 * @internal
 */
export class PassingCarrier implements DescriptorCarrier {
  readonly #endpoint: string;
  readonly #socket: Socket;
  readonly #file: NamelessFile | undefined;
  readonly #passers: Passer[] = [];
  readonly #of = new Map<HandedStream['handed'], Passer>();
  #unused: Passer | undefined;

  private constructor(endpoint: string, socket: Socket) {
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#file = makeNamelessFile();
  }

  /** @throws Error in words where the program does not start. */
  static async start(endpoint: string, socket: Socket): Promise<PassingCarrier> {
    const carrier = new PassingCarrier(endpoint, socket);
    try {
      carrier.#unused = await carrier.#startPasser();
      return carrier;
    } catch (error) {
      carrier.close();
      throw error;
    }
  }

  async makeStream(): Promise<HandedStream> {
    const passer = this.#unused ?? (await this.#startPasser());
    this.#unused = undefined;
    this.#of.set(passer.stream.handed, passer);
    return passer.stream;
  }

  makeFile(): HandedFile {
    return handedFile(this.#file, FILE_DESCRIPTOR);
  }

  send(text: string, descriptor: HandedDescriptor): void {
    const passer = this.#of.get(descriptor) ?? this.#passers[0];
    passer?.child.stdin?.write(`${JSON.stringify({ text, number: descriptor.number })}\n`);
  }

  close(): void {
    this.#file?.close();
    for (const { child } of this.#passers) {
      // It ends with its input.
      for (const stream of child.stdio.slice(0, 3)) stream?.destroy();
    }
  }

  async #startPasser(): Promise<Passer> {
    const child = spawn(pythonProgram(), [...PYTHON_OPTIONS, '-c', PASSING_PROGRAM], {
      // A signal to our group is not for it: what was handed over is taken back first.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', this.#socket, 'pipe', this.#file?.writer ?? 'ignore'],
    });
    // Node stops reading what it shares.
    this.#socket.resume();
    for (const stream of child.stdio) stream?.on('error', () => {});
    const complaints = new TailBuffer(COMPLAINT_CHARS);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
    const problem = await Promise.race([
      once(child.stdout ?? child, 'data').then(() => undefined),
      once(child, 'close').then(() => `python3 ended: ${complaints.text().trim().split('\n').at(-1) ?? ''}`),
      delay(START_MS, 'python3 did not start in time', { ref: false }),
    ]).catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? 'there is no python3, which passes them' : `python3 did not start (${error.message})`,
    );
    child.on('error', () => {});
    child.unref();
    // A program that attaches in the background may end meanwhile.
    for (const each of child.stdio.slice(0, 3)) if (each instanceof Socket) each.unref();
    const stream = handedStream(this.#endpoint, child, STREAM_DESCRIPTOR);
    if (problem !== undefined || stream === undefined) {
      for (const each of child.stdio) each?.destroy();
      throw new Error(problem ?? 'python3 did not start');
    }
    const passer = { child, stream };
    this.#passers.push(passer);
    return passer;
  }
}
