import type { ChildProcess } from 'node:child_process';
import * as z from 'zod/mini';
import { endingInWords } from '../exec/command-ending.ts';
import { spawnGuarded } from '../exec/guarded-command.ts';
import { ProcessGroup } from '../exec/process-group.ts';
import { TailBuffer } from '../exec/tail-buffer.ts';
import { escapeLines } from '../printable-text.ts';
import { AGENT_GREETING, agentCommand, MAX_FRAME_BYTES } from './agent-program.ts';
import { ChannelStream } from './channel-stream.ts';
import { encodeFrame, type Frame, FrameDecoder } from './frame-decoder.ts';

/** It removes what it has made there, on a machine that may do much else. */
const CLOSE_GRACE_MS = 2000;
const STDERR_CHARS = 2000;
/** What the shell of the other host may say before the agent speaks. */
const MAX_NOISE_BYTES = 65_536;
/** An answer is waited for no longer; connecting has its own time. */
const ANSWER_MS = 30_000;
/** Bytes of the answer with this number. */
const BYTES_BIT = 0x8000_0000;

const answerSchema = z.looseObject({
  id: z.int(),
  error: z.optional(z.string()),
  code: z.optional(z.nullable(z.int())),
  bytes: z.optional(z.int()),
});

/** What the agent said to a request. @internal */
export type AgentAnswer = z.output<typeof answerSchema>;

interface Pending {
  readonly settle: (answer: AgentAnswer & { readonly data: Buffer }) => void;
  readonly fail: (error: Error) => void;
  readonly parts: Buffer[];
  /** How many bytes may still come. */
  room: number;
}

/** The agent refused, in the words of the system there. @internal */
export class AgentRefusal extends Error {
  /** The system's number of the error there, where it has one. */
  readonly number: number | undefined;

  constructor(message: string, number: number | undefined) {
    super(escapeLines(message.replace(/^\[Errno \d{1,4}\] /, '')));
    this.number = number;
  }
}

/**
 * A helper on another host: the user's command starts a shell there, the shell a small program, and all goes over its input and output.
 * What comes back is bounded, and means nothing but the other host: no file and no process of this one is touched for it.
 *
 * @internal
 */
export class HostAgent {
  readonly #child: ChildProcess;
  readonly #group: ProcessGroup | undefined;
  readonly #decoder = new FrameDecoder();
  readonly #stderr = new TailBuffer(STDERR_CHARS);
  readonly #channels = new Map<number, ChannelStream>();
  readonly #pending = new Map<number, Pending>();
  readonly #greeted: Promise<void>;
  #settleGreeting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #noise: Buffer | undefined = Buffer.alloc(0);
  #count = 0;
  #problem: string | undefined;

  constructor(command: string) {
    this.#child = spawnGuarded(`${command} /bin/sh`);
    const child = this.#child;
    this.#group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
    this.#greeted = new Promise((resolve, reject) => {
      this.#settleGreeting = { resolve, reject };
    });
    this.#greeted.catch(() => {});
    child.once('exit', () => this.#group?.noteLeaderExit());
    for (const stream of child.stdio) stream?.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#stderr.push(text));
    child.stdout?.on('data', (chunk: Buffer) => this.#receive(chunk));
    child.once('error', (error) => this.#end(`it could not be started: ${error.message}`));
    child.once('close', (status, signal) => this.#end(this.#endingOf(status, signal)));
    child.stdin?.write(agentCommand());
  }

  /** Waits until it speaks. @throws Error in words */
  begin(): Promise<void> {
    return this.#greeted;
  }

  /** Why it is over, in words, or an empty string. */
  get problem(): string {
    return this.#problem ?? '';
  }

  /**
   * @param mostBytes - that its answer may have beside the words
   * @throws AgentRefusal, or Error when it ends first.
   */
  ask(
    op: string,
    words: Readonly<Record<string, unknown>> = {},
    mostBytes = 0,
  ): Promise<AgentAnswer & { readonly data: Buffer }> {
    if (this.#problem !== undefined) return Promise.reject(new Error(this.#problem));
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`the helper there did not answer within ${ANSWER_MS} ms`));
      }, ANSWER_MS);
      this.#pending.set(id, {
        settle: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        parts: [],
        room: mostBytes,
      });
      this.#say(0, Buffer.from(JSON.stringify({ ...words, op, id })));
    });
  }

  /** Without an answer, in the order in which bytes are written. */
  tell(op: string, words: Readonly<Record<string, unknown>>): void {
    this.#say(0, Buffer.from(JSON.stringify({ ...words, op })));
  }

  /** A channel of its own, on which nothing travels until the agent was asked to open it. */
  makeStream(): { readonly channel: number; readonly stream: ChannelStream } {
    this.#count += 1;
    const channel = this.#count;
    const stream = new ChannelStream({
      write: (bytes) => {
        for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES)
          this.#say(channel, bytes.subarray(at, at + MAX_FRAME_BYTES));
      },
      end: () => {
        if (this.#channels.delete(channel)) this.#say(channel, Buffer.alloc(0));
      },
      resume: () => this.#child.stdout?.resume(),
    });
    stream.on('error', () => {});
    this.#channels.set(channel, stream);
    return { channel, stream };
  }

  async close(): Promise<void> {
    this.#end('it was closed');
    this.#child.stdin?.end();
    this.#child.stdout?.resume();
    await this.#group?.end(CLOSE_GRACE_MS);
    for (const stream of this.#child.stdio) stream?.destroy();
  }

  #say(channel: number, payload: Buffer): void {
    this.#child.stdin?.write(encodeFrame(channel, payload));
  }

  #receive(chunk: Buffer): void {
    if (this.#problem !== undefined) return;
    try {
      const rest = this.#noise === undefined ? chunk : this.#afterGreeting(chunk);
      for (const frame of this.#decoder.take(rest)) this.#onFrame(frame);
    } catch (error) {
      this.#end(`it said what no agent says (${(error as Error).message})`);
    }
  }

  #afterGreeting(chunk: Buffer): Buffer {
    const noise = Buffer.concat([this.#noise ?? Buffer.alloc(0), chunk]);
    const greeting = `\n${AGENT_GREETING}\n`;
    const at = noise.indexOf(greeting);
    if (at < 0) {
      if (noise.length > MAX_NOISE_BYTES) throw new RangeError('a long text and no greeting');
      this.#noise = noise;
      return Buffer.alloc(0);
    }
    this.#noise = undefined;
    this.#settleGreeting?.resolve();
    return noise.subarray(at + greeting.length);
  }

  #onFrame({ channel, payload }: Frame): void {
    if (channel === 0) this.#onAnswer(payload);
    else if (channel >= BYTES_BIT) this.#onBytes(channel - BYTES_BIT, payload);
    else if (this.#channels.get(channel)?.deliver(payload) === false) this.#child.stdout?.pause();
  }

  #onBytes(id: number, payload: Buffer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.room -= payload.length;
    if (pending.room < 0) throw new RangeError('more bytes than were asked for');
    pending.parts.push(Buffer.from(payload));
  }

  #onAnswer(payload: Buffer): void {
    const answer = answerSchema.parse(JSON.parse(payload.toString()));
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    if (answer.error !== undefined) pending.fail(new AgentRefusal(answer.error, answer.code ?? undefined));
    else pending.settle({ ...answer, data: Buffer.concat(pending.parts) });
  }

  #endingOf(status: number | null, signal: string | null): string {
    const said = this.#stderr.text();
    // POSIX: a program that is not found. What is not found may be the command here.
    if (status === 127 && /python3/.test(said)) return 'there is no python3 on that host, in which it is written';
    return `it ${endingInWords(status, signal, said)}`;
  }

  #end(why: string): void {
    if (this.#problem !== undefined) return;
    // The command is in the endpoint, by which each message begins.
    this.#problem = `the helper there is gone: ${why}`;
    const error = new Error(this.#problem);
    this.#settleGreeting?.reject(error);
    for (const pending of this.#pending.values()) pending.fail(error);
    this.#pending.clear();
    for (const stream of this.#channels.values()) stream.deliver(Buffer.alloc(0));
    this.#channels.clear();
  }
}
