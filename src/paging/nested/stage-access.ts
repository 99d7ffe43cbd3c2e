import {
  ACCESS_EXEC,
  ACCESS_SHADOW_STACK,
  ACCESS_SUPERVISOR_SHADOW_STACK,
  ACCESS_USER,
  ACCESS_WRITE,
} from '../rules/architecture.ts';
import type { Level } from '../rules/levels.ts';
import { ACCESS_READ_MODIFY_WRITE, ACCESS_USER_ADDRESS } from './ept-rules.ts';
import type { NestedContext } from './nested-context.ts';

/**
 * The access to the second stage by which an entry of the guest's tables is read. NPT: a write by a user (APM vol. 2, 15.25.5).
 * EPT: by the A/D flag, a read, or a read and a write (SDM vol. 3C, 31.3.3.2).
 *
 * @param level - the guest's
 * @returns ACCESS bits
 * @internal
 */
export function tableAccessOf({ kind, writesTables }: NestedContext, level: Level): number {
  if (kind === 'npt') return ACCESS_USER | ACCESS_WRITE;
  // PDPTEs are loaded by reads, whatever the flag says (SDM vol. 3C, 31.3.3.2).
  if (!level.hasAccessed) return 0;
  return writesTables === 'always' ? ACCESS_WRITE | ACCESS_READ_MODIFY_WRITE : 0;
}

/**
 * Where reading a table is not writing it, setting A, and D, in the entry just taken still is. SDM vol. 3C, 31.3.3.2.
 *
 * @param level - the guest's
 * @param low - the low half of the guest's entry
 * @param isDirtied - the entry is a leaf, and the access a write
 * @returns whether the page of the table must allow {@link writeBackAccessOf} too
 * @internal
 */
export function mustWriteBack({ writesTables }: NestedContext, level: Level, low: number, isDirtied: boolean): boolean {
  if (writesTables === 'always' || !level.hasAccessed) return false;
  const { accessed, dirty } = level.usageBits;
  const wanted = Number(accessed) | (isDirtied ? Number(dirty) : 0);
  return (low & wanted) !== wanted;
}

/** The access by which a bit is set in an entry that was read by another. @internal */
export function writeBackAccessOf(tableAccess: number): number {
  return tableAccess | ACCESS_READ_MODIFY_WRITE;
}

/**
 * The access to the page that the guest's walk ended at.
 *
 * @param access - ACCESS bits of the access to the linear address
 * @param isUserAddress - the guest's tables say U/S=1 all the way, or there are none: without paging every address is a user-mode
 * address (SDM vol. 3C, table 29-7, bit 9)
 * @internal
 */
export function finalAccessOf(
  { kind, guestModeExecuteTrap }: NestedContext,
  access: number,
  isUserAddress: boolean,
): number {
  const isStack = (access & ACCESS_SHADOW_STACK) !== 0 && (access & ACCESS_USER) === 0;
  const what = (access & (ACCESS_WRITE | ACCESS_EXEC)) | (isStack ? ACCESS_SUPERVISOR_SHADOW_STACK : 0);
  if (kind === 'npt') return what | (guestModeExecuteTrap ? access & ACCESS_USER : ACCESS_USER);
  return what | (isUserAddress ? ACCESS_USER_ADDRESS : 0);
}
