import { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';

/**
 * The stream of a connection that this package made: for what takes whole streams.
 *
 * @internal
 */
export function duplexOf({ endpoint, stream }: Connection): Duplex {
  if (stream instanceof Duplex) return stream;
  throw new TypeError(`the connection to ${endpoint} is carried by no stream of Node`);
}

/**
 * Lets this process end while a connection is open, which by itself keeps it alive.
 *
 * @internal
 */
export function letEnd(connection: Connection): void {
  const stream = duplexOf(connection);
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
}
