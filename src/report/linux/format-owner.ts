import { printable } from './printable.ts';

/** Whose address space it is, where the guest's Linux says so. @public */
export type ReportedOwner =
  | {
      readonly kind: 'process';
      readonly pid: number;
      readonly comm: string;
      /** With page-table isolation: the root that is in use in this mode. */
      readonly half: 'user' | 'kernel' | null;
    }
  /** The kernel's own tables. */
  | { readonly kind: 'kernel' };

/** `process 91 bash, user half`; `the kernel's own tables`. @public */
export function formatOwner(owner: ReportedOwner): string {
  if (owner.kind === 'kernel') return "the kernel's own tables";
  const { pid, comm, half } = owner;
  return `process ${pid} ${printable(comm)}${half === null ? '' : `, ${half} half`}`;
}

/** @internal */
export function encodeOwner(owner: ReportedOwner): object {
  if (owner.kind === 'kernel') return { kind: 'kernel' };
  const { kind, pid, comm, half } = owner;
  return { kind, pid, comm, half };
}
