import type { Server, Socket } from 'node:net';

/** What a message is: a line, a packet or an ack, a record of TLS. */
export type MessageSplit = 'lines' | 'packets' | 'records';

/** Where a proxy listens. */
export interface ProxyFront {
  readonly server: Server;
  /** The server's event that tells of a client. */
  readonly event: 'connection' | 'secureConnection';
  /** @returns the endpoint by which a client gets there */
  readonly listen: () => Promise<string>;
}

/** How a proxy stands before a monitor, where both are not unix sockets. */
export interface ProxyPlace {
  readonly front: ProxyFront;
  /** Another connection to what is behind it. */
  readonly back: () => Socket;
  readonly split?: MessageSplit;
}
