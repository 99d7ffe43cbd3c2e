import type { Access } from '../../paging/index.ts';

/** `user write`, `supervisor fetch`: the access in the words in which faults are explained. @public */
export function formatAccess({ write, user, exec }: Access): string {
  return `${user ? 'user' : 'supervisor'} ${exec ? 'fetch' : write ? 'write' : 'read'}`;
}
