import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { MessageSplit, ProxyFront, ProxyPlace } from './proxy-place.ts';

/** Which protocol travels: what a message is depends on it. */
export type Protocol = 'qmp' | 'gdb';

/** Seen from the client: what it sends goes up, what it gets comes down. */
export type Direction = 'up' | 'down';

/** A message on its way, or the piece of one where pieces are asked for. */
export interface Passing {
  readonly protocol: Protocol;
  readonly direction: Direction;
  /** Counted from 0 for each direction, over all connections. */
  readonly index: number;
  /** Counted from 0, the connection it belongs to. */
  readonly connection: number;
  readonly bytes: Buffer;
}

/** Both ends of one conversation. */
export interface Ends {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * What is done with a message. It may wait: what follows in its direction waits as well. It gives the bytes to pass on, or
 * nothing for the message as it is.
 */
export type Tap = (
  message: Passing,
  ends: Ends,
) => undefined | Buffer | readonly Buffer[] | Promise<Buffer | undefined>;

export interface ProxyOptions {
  readonly protocol: Protocol;
  /** The socket that it listens on. */
  readonly path: string;
  /** The socket behind it. */
  readonly target: string;
  /** Instead of both. */
  readonly place?: ProxyPlace;
  readonly before?: Tap;
  /** When the message has been passed on. */
  readonly after?: (message: Passing, ends: Ends) => void;
  /** Each connection, before anything travels. */
  readonly onConnection?: (ends: Ends, connection: number) => void;
}

/** A socket before QEMU's that passes whole messages on, counts them, and lets a test do something at any of them. */
export class MessageProxy implements AsyncDisposable {
  readonly endpoint: string;
  /** Of each message, in bytes, as it came. */
  readonly lengths: Record<Direction, number[]> = { up: [], down: [] };
  connections = 0;
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, endpoint: string, options: ProxyOptions) {
    this.#server = server;
    this.#options = options;
    this.endpoint = endpoint;
  }

  static async listen(options: ProxyOptions): Promise<MessageProxy> {
    const { server, event, listen } = options.place?.front ?? unixFront(options.path);
    const proxy = new MessageProxy(server, await listen(), options);
    // What is under a client of TLS, too.
    server.on('connection', (socket: Socket) => proxy.#keep(socket));
    server.on(event, (client: Socket) => proxy.#join(client));
    return proxy;
  }

  get counts(): Readonly<Record<Direction, number>> {
    return { up: this.lengths.up.length, down: this.lengths.down.length };
  }

  /** Counts from 0 again. */
  reset(): void {
    this.connections = 0;
    for (const direction of ['up', 'down'] as const) {
      this.lengths[direction] = [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const connection = this.connections;
    this.connections += 1;
    const { place, target } = this.#options;
    const server = place?.back() ?? connect({ path: target, allowHalfOpen: true });
    const ends = { client, server };
    for (const socket of [client, server]) this.#keep(socket);
    this.#options.onConnection?.(ends, connection);
    this.#carry('up', connection, ends, client, server);
    this.#carry('down', connection, ends, server, client);
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #carry(direction: Direction, connection: number, ends: Ends, from: Socket, to: Socket): void {
    const { protocol, place } = this.#options;
    const split = new MessageSplitter(place?.split ?? (protocol === 'qmp' ? 'lines' : 'packets'));
    let turn = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      for (const bytes of split.push(chunk)) {
        turn = turn.then(() => this.#pass({ direction, connection, bytes }, ends, to));
      }
    });
    // Half-close means disconnect to QEMU; an orderly end passes on what came before it.
    from.on('end', () => {
      turn = turn.then(() => void to.end(split.rest()));
    });
    from.on('close', () => {
      void turn.then(() => to.destroy());
    });
  }

  async #pass(
    { direction, connection, bytes }: { direction: Direction; connection: number; bytes: Buffer },
    ends: Ends,
    to: Socket,
  ): Promise<void> {
    const index = this.lengths[direction].push(bytes.length) - 1;
    const message: Passing = { protocol: this.#options.protocol, direction, index, connection, bytes };
    const instead = (await this.#options.before?.(message, ends)) ?? bytes;
    for (const piece of Array.isArray(instead) ? (instead as readonly Buffer[]) : [instead as Buffer]) {
      if (piece.length > 0 && to.writable) to.write(piece);
    }
    this.#options.after?.(message, ends);
  }
}

function unixFront(path: string): ProxyFront {
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true });
  return {
    server,
    event: 'connection',
    async listen() {
      server.listen(path);
      await once(server, 'listening');
      return `unix:${path}`;
    },
  };
}

/** Of a record's header: its type, its version, the length of what follows. */
const RECORD_HEADER_BYTES = 5;

/** Takes a stream apart into messages: lines of QMP; packets and single acks of GDB; records of TLS. Nothing is lost or changed. */
export class MessageSplitter {
  readonly #split: MessageSplit;
  #kept: Buffer = Buffer.alloc(0);

  constructor(split: MessageSplit) {
    this.#split = split;
  }

  push(chunk: Buffer): readonly Buffer[] {
    this.#kept = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const end = this.#end();
      if (end === undefined) return messages;
      messages.push(this.#kept.subarray(0, end));
      this.#kept = this.#kept.subarray(end);
    }
  }

  /** What came after the last whole message. */
  rest(): Buffer {
    const rest = this.#kept;
    this.#kept = Buffer.alloc(0);
    return rest;
  }

  #end(): number | undefined {
    if (this.#split === 'lines') return this.#endOfLine();
    return this.#split === 'packets' ? this.#endOfPacket() : this.#endOfRecord();
  }

  #endOfRecord(): number | undefined {
    if (this.#kept.length < RECORD_HEADER_BYTES) return undefined;
    const end = RECORD_HEADER_BYTES + this.#kept.readUInt16BE(RECORD_HEADER_BYTES - 2);
    return this.#kept.length < end ? undefined : end;
  }

  #endOfLine(): number | undefined {
    const at = this.#kept.indexOf(0x0a);
    return at < 0 ? undefined : at + 1;
  }

  #endOfPacket(): number | undefined {
    if (this.#kept.length === 0) return undefined;
    if (this.#kept[0] !== 0x24) return 1;
    const at = this.#kept.indexOf(0x23);
    return at < 0 || this.#kept.length < at + 3 ? undefined : at + 3;
  }
}
