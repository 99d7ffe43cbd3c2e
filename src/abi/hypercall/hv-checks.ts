import type { Access } from '../../paging/index.ts';
import { hasControl } from './hv-control.ts';

/** What the control flags say of the vCPU's registers, in place of what they hold. @public */
export interface HvOverrides {
  /** RFLAGS.AC: true lifts SMAP, false keeps it. Absent: as the register has it. */
  readonly ac?: boolean;
  /** CR4.SMEP, CR4.SMAP and CR4.LASS count as 0: what they check is the mode of the access. */
  readonly ignoresMode?: true;
}

/** The accesses that one translation is to allow. @public */
export interface HvChecks {
  /** Reads before writes before fetches, each by the supervisor before by the user. Never empty for flags that are valid. */
  readonly accesses: readonly Access[];
  /** Whether every access has to be allowed, or of each kind (read, write, fetch) the one of either mode. */
  readonly modes: 'all' | 'either';
  readonly overrides: HvOverrides;
}

/** Supervisor, user or both: as SUPERVISOR_ACCESS and USER_ACCESS have it, by CPL where neither is set. */
function usersOf(controlFlags: bigint, cpl: number): readonly boolean[] {
  const asked = [
    ...(hasControl(controlFlags, 'supervisorAccess') ? [false] : []),
    ...(hasControl(controlFlags, 'userAccess') ? [true] : []),
  ];
  return asked.length === 0 ? [cpl === 3] : asked;
}

function overridesOf(controlFlags: bigint): HvOverrides {
  if (hasControl(controlFlags, 'privilegeExempt')) return { ignoresMode: true };
  if (hasControl(controlFlags, 'overrideSmap')) return { ac: true };
  // As for an implicit access, to which AC means nothing. SDM vol. 3A, 4.6.
  return hasControl(controlFlags, 'enforceSmap') ? { ac: false } : {};
}

/**
 * The checks that control flags ask for. Each access is judged by its own rules; SHADOW_STACK is about data, and leaves a fetch
 * what it is.
 *
 * PRIVILEGE_EXEMPT takes the mode out of every check. A supervisor without SMEP, SMAP and LASS may do all that any mode may,
 * except where a shadow stack is accessed: user and supervisor shadow stacks are open to their own mode alone (SDM vol. 3A,
 * 4.6.1), so there either will do.
 *
 * @param cpl - of the vCPU
 * @public
 */
export function hvChecks(controlFlags: bigint, cpl: number): HvChecks {
  const isExempt = hasControl(controlFlags, 'privilegeExempt');
  const isShadowStack = hasControl(controlFlags, 'shadowStack');
  const users = isExempt ? [false] : usersOf(controlFlags, cpl);
  const dataUsers = isExempt && isShadowStack ? [false, true] : users;
  const data = isShadowStack ? { exec: false, shadowStack: true } : { exec: false };
  const kinds = [
    ...(hasControl(controlFlags, 'validateRead') ? [{ kind: { ...data, write: false }, by: dataUsers }] : []),
    ...(hasControl(controlFlags, 'validateWrite') ? [{ kind: { ...data, write: true }, by: dataUsers }] : []),
    ...(hasControl(controlFlags, 'validateExecute') ? [{ kind: { write: false, exec: true }, by: users }] : []),
  ];
  return {
    accesses: kinds.flatMap(({ kind, by }) => by.map((user) => ({ ...kind, user }))),
    modes: isExempt ? 'either' : 'all',
    overrides: overridesOf(controlFlags),
  };
}
