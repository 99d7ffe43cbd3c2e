import { Duplex } from 'node:stream';

/** Where the bytes of a channel go. @internal */
export interface ChannelSink {
  write(bytes: Buffer): void;
  end(): void;
  /** More may come. */
  resume(): void;
}

/** One of several connections that share one. @internal */
export class ChannelStream extends Duplex {
  readonly #sink: ChannelSink;
  #hasEnded = false;

  constructor(sink: ChannelSink) {
    super({ allowHalfOpen: false });
    this.#sink = sink;
  }

  /** What has come; an empty one is the end. @returns false when no more should come for now */
  deliver(payload: Buffer): boolean {
    if (this.destroyed || this.#hasEnded) return true;
    this.#hasEnded = payload.length === 0;
    return this.push(this.#hasEnded ? null : payload) || this.#hasEnded;
  }

  override _read(): void {
    this.#sink.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#sink.write(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#sink.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#sink.end();
    this.#sink.resume();
    done(error);
  }
}
