import { basename } from 'node:path';
import { isQemuProgram } from './process-identity.ts';
import { executableOf, ProcessScan } from './processes.ts';

/** It is for a message: worth a moment, and no more. */
const BUDGET_MS = 50;

/** Says who holds sockets that no QEMU of ours to see holds. @internal */
export function describeHolder(endpoint: string, inodes: readonly number[]): string {
  const scan = new ProcessScan(BUDGET_MS);
  if (inodes.length > 0) {
    for (const pid of scan.processes()) {
      if (pid === process.pid || !inodes.some((inode) => scan.sockets(pid).has(inode))) continue;
      const executable = executableOf(pid) ?? '';
      if (isQemuProgram(executable)) {
        return `${endpoint} is held by a QEMU (process ${pid}) that belongs to another user than the socket`;
      }
      const program = basename(executable) || 'another program';
      return `${endpoint} is held by ${program} (process ${pid}), which is no QEMU: QEMU is behind it, out of sight`;
    }
  }
  const help = process.geteuid?.() === 0 ? '' : '; run as the user that runs QEMU, or as root';
  return `no QEMU that this process may look into holds the other end of ${endpoint}${help}`;
}
