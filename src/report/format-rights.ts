import type { Rights } from '../paging/index.ts';

/** Rights over all levels as in `ls -l`, and `u` for users: `rwxu`, `r---`. What is mapped can always be read by somebody. @public */
export function formatRights({ write, user, exec }: Rights): string {
  return `r${write ? 'w' : '-'}${exec ? 'x' : '-'}${user ? 'u' : '-'}`;
}
