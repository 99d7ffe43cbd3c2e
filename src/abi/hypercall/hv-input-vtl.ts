import { AbiError } from '../errors.ts';
import { HV_CONTROL_INPUT_VTL, refuseParameter } from './hv-control.ts';

/** The VTL that control flags name; null for the caller's own. @public */
export function namedInputVtl(controlFlags: bigint): number | null {
  const input = controlFlags >> HV_CONTROL_INPUT_VTL.shift;
  const isNamed = (input & HV_CONTROL_INPUT_VTL.useTargetVtl) !== 0n;
  return isNamed ? Number(input & HV_CONTROL_INPUT_VTL.targetVtl) : null;
}

/** `HV_INPUT_VTL` of a VTL, where control flags have it. @throws RangeError for no VTL. @public */
export function inputVtlFlags(vtl: number): bigint {
  const most = Number(HV_CONTROL_INPUT_VTL.targetVtl);
  if (!Number.isInteger(vtl) || vtl < 0 || vtl > most) throw new RangeError(`a VTL is 0 to ${most}, not ${vtl}`);
  return (HV_CONTROL_INPUT_VTL.useTargetVtl | BigInt(vtl)) << HV_CONTROL_INPUT_VTL.shift;
}

/**
 * The number of the virtual trust level that a translation is made in: the one that the control flags name, or else the
 * caller's own. A VTL has no say over one above it.
 *
 * @param callerVtl - the VTL that makes the hypercall
 * @throws {@link AbiError} `ERR_ABI_ACCESS_DENIED` for a VTL above the caller's.
 * @public
 */
export function inputVtlOf(controlFlags: bigint, callerVtl: number): number {
  const vtl = namedInputVtl(controlFlags) ?? callerVtl;
  if (vtl > callerVtl) {
    throw new AbiError('ERR_ABI_ACCESS_DENIED', `HV_STATUS_ACCESS_DENIED: VTL ${callerVtl} cannot name VTL ${vtl}`);
  }
  return vtl;
}

/**
 * What is the input VTL's among things that each VTL has one of: its registers, say.
 *
 * @param contexts - one for each VTL that is enabled, from VTL 0 upwards; a hole where one is not
 * @param callerVtl - the VTL that makes the hypercall
 * @throws {@link AbiError} `ERR_ABI_ACCESS_DENIED` for a VTL above the caller's, `ERR_ABI_INVALID_PARAMETER` for one that is not
 * enabled.
 * @public
 */
export function selectInputVtl<T>(controlFlags: bigint, contexts: readonly (T | undefined)[], callerVtl: number): T {
  const vtl = inputVtlOf(controlFlags, callerVtl);
  return contexts[vtl] ?? refuseParameter(`VTL ${vtl} is not enabled`);
}
