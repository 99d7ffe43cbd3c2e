import type { Access } from '../../paging/index.ts';
import { hasControl } from './hv-control.ts';

/** What the control flags say of the vCPU's registers, in place of what they hold. @public */
export interface HvOverrides {
  /** RFLAGS.AC: true lifts SMAP, false keeps it. Absent: as the register has it. */
  readonly ac?: boolean;
}

/** The accesses that one translation is to allow, all of them. @public */
export interface HvChecks {
  /** Reads before writes before fetches, each by the supervisor before by the user. Never empty for flags that are valid. */
  readonly accesses: readonly Access[];
  readonly overrides: HvOverrides;
}

/**
 * Who makes the access: by CPL; as CPL 0 with PRIVILEGE_EXEMPT, whatever else is said; or as SUPERVISOR_ACCESS and USER_ACCESS
 * have it, both when both are set.
 */
function usersOf(controlFlags: bigint, cpl: number): readonly boolean[] {
  if (hasControl(controlFlags, 'privilegeExempt')) return [false];
  const asked = [
    ...(hasControl(controlFlags, 'supervisorAccess') ? [false] : []),
    ...(hasControl(controlFlags, 'userAccess') ? [true] : []),
  ];
  return asked.length === 0 ? [cpl === 3] : asked;
}

function overridesOf(controlFlags: bigint): HvOverrides {
  if (hasControl(controlFlags, 'overrideSmap')) return { ac: true };
  // As for an implicit access, to which AC means nothing. SDM vol. 3A, 4.6.
  return hasControl(controlFlags, 'enforceSmap') ? { ac: false } : {};
}

/**
 * The checks that control flags ask for. Each access is judged by its own rules; SHADOW_STACK is about data, and leaves a fetch
 * what it is.
 *
 * @param cpl - of the vCPU
 * @public
 */
export function hvChecks(controlFlags: bigint, cpl: number): HvChecks {
  const data = hasControl(controlFlags, 'shadowStack') ? { exec: false, shadowStack: true } : { exec: false };
  const kinds = [
    ...(hasControl(controlFlags, 'validateRead') ? [{ ...data, write: false }] : []),
    ...(hasControl(controlFlags, 'validateWrite') ? [{ ...data, write: true }] : []),
    ...(hasControl(controlFlags, 'validateExecute') ? [{ write: false, exec: true }] : []),
  ];
  const users = usersOf(controlFlags, cpl);
  return {
    accesses: kinds.flatMap((kind) => users.map((user) => ({ ...kind, user }))),
    overrides: overridesOf(controlFlags),
  };
}
