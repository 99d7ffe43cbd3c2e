/**
 * What the protocol clients use of a `Duplex` of Node, which is one. Its own type would be in the typings of this package only
 * for programs that have Node's types.
 *
 * @public
 */
export interface ByteStream {
  /** The peer has sent its last byte. */
  readonly readableEnded: boolean;
  readonly destroyed: boolean;
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  write(text: string, encoding: 'latin1' | 'utf8'): unknown;
}
