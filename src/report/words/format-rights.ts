import type { Rights } from '../../paging/index.ts';

/**
 * Rights over all levels as in `ls -l`, and `u` for users: `rwxu`, `r---`. What is mapped can always be read, but for
 * EPT's execute-only pages: `--x-`.
 *
 * @public
 */
export function formatRights({ read, write, user, exec }: Rights): string {
  return `${read === false ? '-' : 'r'}${write ? 'w' : '-'}${exec ? 'x' : '-'}${user ? 'u' : '-'}`;
}
