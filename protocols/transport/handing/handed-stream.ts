import type { ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { Duplex } from 'node:stream';
import type { Connection, HandedStream } from '../connection.ts';

/**
 * A connection between this process and a child of it, which hands its end over.
 *
 * @param number - of the descriptor that the child has
 * @returns undefined where the child did not start
 * @internal
 */
export function handedStream(endpoint: string, child: ChildProcess, number: number): HandedStream | undefined {
  const stream = (child.stdio as readonly unknown[])[number];
  if (!(stream instanceof Duplex)) return undefined;
  const connection = new HandedConnection(`${endpoint} (GDB stub)`, stream, inodeOf(child.pid, number));
  return { connection, handed: { number } };
}

/** Our end of a connection whose other end was handed over. */
class HandedConnection implements Connection {
  readonly endpoint: string;
  readonly stream: Duplex;
  readonly socket: Connection['socket'] & object;

  constructor(endpoint: string, stream: Duplex, inode: number) {
    this.endpoint = endpoint;
    this.stream = stream;
    this.socket = { kind: 'handed', inode };
    stream.on('error', () => {});
  }

  explainEnd(): string {
    return '';
  }

  close(): Promise<void> {
    this.stream.destroy();
    return Promise.resolve();
  }
}

/** The inode of the end that is handed over: the kernel shows by it who holds it. */
function inodeOf(pid: number | undefined, number: number): number {
  try {
    return Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${number}`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
