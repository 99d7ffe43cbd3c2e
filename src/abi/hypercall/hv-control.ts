import { asAnswer } from '../../paging/internal.ts';
import { AbiError } from '../errors.ts';
import type { HvControlProblem } from '../hv-control-problem.ts';

/**
 * `HV_TRANSLATE_GVA_CONTROL_FLAGS`: which accesses are validated, and how. TLFS 6.0b has bits 0 to 5 and the VTL; the others are
 * those of the pages of 2025, for x64.
 *
 * @public
 */
export const HV_CONTROL = {
  validateRead: 1n << 0n,
  validateWrite: 1n << 1n,
  validateExecute: 1n << 2n,
  privilegeExempt: 1n << 3n,
  setPageTableBits: 1n << 4n,
  tlbFlushInhibit: 1n << 5n,
  supervisorAccess: 1n << 6n,
  userAccess: 1n << 7n,
  enforceSmap: 1n << 8n,
  overrideSmap: 1n << 9n,
  shadowStack: 1n << 10n,
} as const;

/** @public */
export type HvControlName = keyof typeof HV_CONTROL;

/** `HV_INPUT_VTL` in bits 63:56: the VTL in its low four bits, and bit 4 if that VTL is meant. @public */
export const HV_CONTROL_INPUT_VTL = { shift: 56n, targetVtl: 0xfn, useTargetVtl: 1n << 4n } as const;

const VALIDATE = HV_CONTROL.validateRead | HV_CONTROL.validateWrite | HV_CONTROL.validateExecute;
const KNOWN_INPUT_VTL = HV_CONTROL_INPUT_VTL.targetVtl | HV_CONTROL_INPUT_VTL.useTargetVtl;
const KNOWN = Object.values(HV_CONTROL).reduce((all, bit) => all | bit, KNOWN_INPUT_VTL << HV_CONTROL_INPUT_VTL.shift);

/** @internal */
export function hasControl(controlFlags: bigint, name: HvControlName): boolean {
  return (controlFlags & HV_CONTROL[name]) !== 0n;
}

/**
 * What is wrong with control flags, for which the hypercall answers HV_STATUS_INVALID_PARAMETER: a bit that is not defined, or
 * no access to validate.
 *
 * @returns null when nothing is
 * @public
 */
export function hvControlProblem(controlFlags: bigint): HvControlProblem | null {
  if (BigInt.asUintN(64, controlFlags) !== controlFlags) return { code: 'too-wide' };
  const unknown = controlFlags & ~KNOWN;
  if (unknown !== 0n) return asAnswer({ code: 'unknown-flags' as const, flags: unknown });
  if ((controlFlags & VALIDATE) === 0n) return { code: 'nothing-to-validate' };
  return null;
}

/** @throws {@link AbiError} `ERR_ABI_INVALID_PARAMETER`. @internal */
export function refuseParameter(what: string, problem?: HvControlProblem): never {
  throw new AbiError('ERR_ABI_INVALID_PARAMETER', `HV_STATUS_INVALID_PARAMETER: ${what}`, problem);
}
