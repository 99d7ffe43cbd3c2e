import type { Rights } from '../../paging/index.ts';

/** @internal */
export function sameRights(one: Rights, other: Rights): boolean {
  return one.read === other.read && one.write === other.write && one.user === other.user && one.exec === other.exec;
}
