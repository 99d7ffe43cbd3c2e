import type { ByteStream } from './byte-stream.ts';
import type { EndpointOnHost } from './endpoint.ts';
import type { SocketFile } from './files/socket-file.ts';

/**
 * One established byte stream to an endpoint: what the protocol clients are given, whatever carries the bytes.
 *
 * @public
 */
export interface Connection {
  /** The endpoint as a person wrote it (`unix:/run/vm.qmp`), for messages. */
  readonly endpoint: string;
  /** The bytes. Errors and the end of the stream arrive here; nothing is buffered above it. */
  readonly stream: ByteStream;
  /** The socket, for finding out who holds its other end; none where a command carries the bytes. */
  readonly socket?: ConnectedSocket;
  /** The peer handles one message at a time, and loses those that come meanwhile. */
  readonly takesOneAtATime?: boolean;
  /** The peer's events come in their own time, before or after the replies to what caused them. */
  readonly areEventsLate?: boolean;
  /** Hands descriptors to the process behind it; absent where there is no way. @internal */
  readonly carrier?: DescriptorCarrier | undefined;
  /**
   * Starts a program that hands descriptors over, where that takes one: then `carrier` is there.
   *
   * @throws Error in words where there is no such program, or it does not work.
   * @internal
   */
  readonly prepareCarrier?: () => Promise<void>;
  /** The other host that it leads to, where a helper runs there. @internal */
  readonly host?: RemoteHost;
  /**
   * What is known of why the stream ended, in words, or an empty string: the exit status and the last words on standard
   * error of an `exec:` command, the reason of a socket error.
   */
  explainEnd(): string;
  /** Ends the stream, and the command behind it where there is one, and waits until it is gone. Idempotent. */
  close(): Promise<void>;
}

/** One end of a TCP connection. @public */
export interface TcpEnd {
  /** Numeric. */
  readonly address: string;
  readonly port: number;
}

/** What is known of a connection by the system that made it, whatever the peer says. @public */
export type ConnectedSocket =
  | {
      readonly kind: 'unix';
      /** What was connected to; undefined where the system cannot hold on to it. */
      readonly file: SocketFile | undefined;
    }
  | { readonly kind: 'tcp'; readonly local: TcpEnd; readonly remote: TcpEnd }
  /** Both ends were made here, and the other one was handed over. */
  | { readonly kind: 'handed'; readonly inode: number };

/**
 * One line of a wire trace. The same shape for both protocols, so that a recorded trace can be replayed in tests.
 *
 * @public
 */
export interface TraceRecord {
  readonly channel: 'gdb' | 'qmp';
  /** Seen from the client. */
  readonly direction: '->' | '<-';
  /** A GDB packet as it travelled (`$m1000,8#xx`, one record for each packet or ack), or one JSON line of QMP. */
  readonly text: string;
}

/** Receives each record as it happens. It must not throw. @public */
export type TraceSink = (record: TraceRecord) => void;

/** A descriptor that is to go with a message, as its carrier knows it. @internal */
export interface HandedDescriptor {
  /** Of the process that carries it. */
  readonly number: number;
}

/** Where no descriptor gets to: what it would have been, in a private folder on QEMU's host. @internal */
export interface ShownPath {
  readonly path: string;
}

/** One end of a connection is ours, the other is handed over. @internal */
export interface HandedStream {
  readonly connection: Connection;
  /** At a path QEMU makes the connection itself: who does it first is taken. */
  readonly handed: HandedDescriptor | ShownPath;
  /** Finds who holds the other end, where that is on another host. @throws Error in words */
  readonly findHolder?: () => Promise<RemoteProcess>;
}

/** A file that who it is handed to may write in, and that no other user can reach. @internal */
export interface HandedFile {
  readonly handed: HandedDescriptor | ShownPath;
  /**
   * What was written since the last time.
   *
   * @throws Error in words where that is more than `maxBytes`.
   */
  take(maxBytes: number): Buffer | Promise<Buffer>;
  /** What is written from now on is not looked at; the descriptor stays. */
  close(): void;
}

/**
 * Hands descriptors of this process to the process behind a connection, with a message: no path has to lead to the same place for
 * both. Or, where the connection takes none, shows it paths on its own host.
 *
 * @internal
 */
export interface DescriptorCarrier {
  /**
   * Makes a connection.
   *
   * @param findThread - one of QEMU's, by its own word. What has a path is its user's, where root has made it
   * @throws ConnectError, or Error in words
   */
  makeStream(findThread?: () => Promise<number | undefined>): Promise<HandedStream>;
  /** Makes a file. @throws the system's error */
  makeFile(): HandedFile;
  /** Sends a message, and the descriptor with it; absent where all have paths. */
  readonly send?: (text: string, descriptor: HandedDescriptor) => void;
}

/** What a helper does on another host, with the rights that it has there. What it says is as little trusted as QEMU. @internal */
export interface RemoteHost {
  /**
   * Connects to an endpoint as it is called there.
   *
   * @param holder - of that host: it, and no other process, must be what listens there
   * @throws ConnectError
   */
  connect(target: EndpointOnHost, options: ConnectOnHost): Promise<Connection>;
}

/** @internal */
export interface ConnectOnHost {
  readonly timeoutMs: number;
  readonly holder?: number | undefined;
}

/** A process of another host. It is held on to: what is read is of this one and of no later one of its number. @internal */
export interface RemoteProcess {
  readonly pid: number;
  readonly uid: number;
  /** Why its memory cannot be read, in the words of the system there. */
  readonly memoryProblem: string | undefined;
  /** `/proc/PID/maps`. @throws Error in words */
  readMaps(): Promise<string>;
  /** Fills each target. @throws Error in words, also where not all of it is there */
  readMemory(pieces: readonly RemotePiece[]): Promise<void>;
}

/** @internal */
export interface RemotePiece {
  readonly position: number;
  readonly target: Uint8Array;
}

/**
 * What a helper sees of the host that it runs on, for finding its QEMUs. Each answer is in the order of what was asked, and undefined
 * where it is not there. Texts are bytes (latin1).
 *
 * @throws ConnectError
 * @internal
 */
export interface HostFiles {
  processes(): Promise<readonly number[]>;
  /** Null where it may not be read. */
  texts(paths: readonly string[]): Promise<readonly (string | null | undefined)[]>;
  links(paths: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** The descriptors of processes, each with what it leads to. */
  opened(pids: readonly number[]): Promise<readonly (readonly (readonly [number, string])[] | undefined)[]>;
  /** Device and inode of sockets, `DEVICE:INODE`. */
  sockets(paths: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** For each of these sockets a process that has it open, where one is seen. */
  sharers(inodes: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** What `ss -xnH` prints, or nothing. */
  otherEnds(): Promise<string>;
  close(): Promise<void>;
}
