import type { AddressSpaceOwner } from '../../../linux/internal.ts';
import type { ReportedOwner } from '../../../report/index.ts';

/** Whose address space it is, as a report names it. @internal */
export function reportedOwner(owner: AddressSpaceOwner | null): ReportedOwner | null {
  if (owner === null || owner.kind === 'kernel') return owner;
  const { task, half } = owner;
  return { kind: 'process', pid: task.pid, comm: task.comm, half };
}
