import { basename } from 'node:path';
import type { PeerCause } from '../causes/peer-cause.ts';
import { isQemuProgram } from './process-identity.ts';
import { executableOf, ProcessScan } from './processes.ts';

/** It is for a message: worth a moment, and no more. */
const BUDGET_MS = 50;

/** The first process that has one of these sockets open. @internal */
export function processWith(inodes: readonly number[], scan: ProcessScan, except?: number): number | undefined {
  if (inodes.length === 0) return undefined;
  for (const pid of scan.processes()) {
    if (pid !== except && inodes.some((inode) => scan.sockets(pid).has(inode))) return pid;
  }
  return undefined;
}

/** Finds who holds sockets that no QEMU of ours to see holds. @internal */
export function findHolder(endpoint: string, inodes: readonly number[]): PeerCause {
  const pid = processWith(inodes, new ProcessScan(BUDGET_MS), process.pid);
  if (pid === undefined) return { code: 'no-qemu-seen', endpoint, isRoot: process.geteuid?.() === 0 };
  const executable = executableOf(pid) ?? '';
  if (isQemuProgram(executable)) return { code: 'qemu-of-another-user', endpoint, pid };
  return { code: 'held-by-program', endpoint, program: basename(executable) || null, pid };
}
