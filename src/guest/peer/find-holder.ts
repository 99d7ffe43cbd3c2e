import { basename } from 'node:path';
import type { PeerCause } from '../causes/peer-cause.ts';
import { isQemuProgram } from './process-identity.ts';
import { executableOf, ProcessScan } from './processes.ts';

/** It is for a message: worth a moment, and no more. */
const BUDGET_MS = 50;

/** Finds who holds sockets that no QEMU of ours to see holds. @internal */
export function findHolder(endpoint: string, inodes: readonly number[]): PeerCause {
  const scan = new ProcessScan(BUDGET_MS);
  if (inodes.length > 0) {
    for (const pid of scan.processes()) {
      if (pid === process.pid || !inodes.some((inode) => scan.sockets(pid).has(inode))) continue;
      const executable = executableOf(pid) ?? '';
      if (isQemuProgram(executable)) return { code: 'qemu-of-another-user', endpoint, pid };
      return { code: 'held-by-program', endpoint, program: basename(executable) || null, pid };
    }
  }
  return { code: 'no-qemu-seen', endpoint, isRoot: process.geteuid?.() === 0 };
}
