import type { ByteStream } from './byte-stream.ts';
import type { SocketFile } from './socket-file.ts';

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
  | { readonly kind: 'tcp'; readonly local: TcpEnd; readonly remote: TcpEnd };

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
