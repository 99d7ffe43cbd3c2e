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
