import { Duplex } from 'node:stream';
import type { Connection } from '../../protocols/transport/index.ts';

/** One end of an in-process stream: what is written to it can be read from the other end. */
class PairEnd extends Duplex {
  other: PairEnd | undefined;
  /** How many times the peer has written: each is one system call on a real socket. */
  writes = 0;

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.writes++;
    this.other?.push(chunk);
    setImmediate(done);
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

/** Two connected ends. */
export function duplexPair(): [client: PairEnd, server: PairEnd] {
  const [client, server] = [new PairEnd(), new PairEnd()];
  client.other = server;
  server.other = client;
  return [client, server];
}

/** A connection over a stream, with nothing known about its end but what is given. */
export function connectionOver(stream: Duplex, end = ''): Connection {
  return {
    endpoint: 'unix:/fake',
    stream,
    explainEnd: () => end,
    close: async () => {
      stream.destroy();
    },
  };
}
