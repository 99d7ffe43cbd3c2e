import type { Access } from '../../paging/index.ts';

/** `user write`, `supervisor fetch`, `user write and fetch`: the access in the words in which faults are explained. @public */
export function formatAccess({ write, user, exec }: Access): string {
  return `${user ? 'user' : 'supervisor'} ${kindOf(write, exec)}`;
}

function kindOf(write: boolean, exec: boolean): string {
  if (write && exec) return 'write and fetch';
  return exec ? 'fetch' : write ? 'write' : 'read';
}
