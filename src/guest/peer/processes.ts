import { type Dir, opendirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { nowMs } from '../../../protocols/transport/internal.ts';
import { isQemuProgram } from './process-identity.ts';

/** No process that is worth a look has more; one that has is not looked at to its end. */
const MOST_DESCRIPTORS = 65_536;

/** Where a name leads that another process means, in its own root and working directory. @internal */
export function asNamedBy(pid: number, path: string): string {
  return isAbsolute(path) ? `/proc/${pid}/root${path}` : `/proc/${pid}/cwd/${path}`;
}

/** A look at this host's processes that ends in time, however many there are. @internal */
export class ProcessScan {
  readonly #deadline: number;
  #qemus: readonly number[] | undefined;
  readonly #sockets = new Map<number, ReadonlyMap<number, number>>();
  #ranOut = false;

  constructor(budgetMs: number) {
    this.#deadline = nowMs() + budgetMs;
  }

  /** Not everything was looked at. */
  get ranOut(): boolean {
    return this.#ranOut;
  }

  /** All processes, newest first: guests are started long after the host's own services. */
  *processes(): Generator<number> {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
    for (const pid of pids.sort((one, other) => other - one)) {
      if (this.#isOver()) return;
      yield pid;
    }
  }

  /** The processes that run a QEMU and that we may look into, looked for once. */
  get qemus(): readonly number[] {
    this.#qemus ??= [...this.processes()].filter(mayBeQemu);
    return this.#qemus;
  }

  /** The sockets that a process has open, by inode, each with a descriptor of it. Looked at once. */
  sockets(pid: number): ReadonlyMap<number, number> {
    const known = this.#sockets.get(pid) ?? this.#readSockets(pid);
    this.#sockets.set(pid, known);
    return known;
  }

  #readSockets(pid: number): ReadonlyMap<number, number> {
    const sockets = new Map<number, number>();
    let directory: Dir | undefined;
    try {
      directory = opendirSync(`/proc/${pid}/fd`);
      for (let left = MOST_DESCRIPTORS; left > 0 && !this.#isOver(); left -= 1) {
        const entry = directory.readSync();
        if (entry === null) return sockets;
        const inode = socketInode(`/proc/${pid}/fd/${entry.name}`);
        if (inode !== undefined) sockets.set(inode, Number(entry.name));
      }
    } catch {
      // Gone, or not for us to look into.
      return sockets;
    } finally {
      directory?.closeSync();
    }
    this.#ranOut = true;
    return sockets;
  }

  #isOver(): boolean {
    if (nowMs() <= this.#deadline) return false;
    this.#ranOut = true;
    return true;
  }
}

/** Asked in a way that raises no error where it can be: errors cost more than the looks, and kernel threads are many. */
function mayBeQemu(pid: number): boolean {
  const own = process.geteuid?.();
  if (own !== 0 && statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid !== own) return false;
  return isQemuProgram(executableOf(pid) ?? '');
}

/** The program of a process; undefined for a kernel thread, and where we may not look. @internal */
export function executableOf(pid: number): string | undefined {
  try {
    if (statSync(`/proc/${pid}/exe`, { throwIfNoEntry: false }) === undefined) return undefined;
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

function socketInode(path: string): number | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}
