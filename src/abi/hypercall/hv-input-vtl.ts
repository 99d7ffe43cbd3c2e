import { AbiError } from '../errors.ts';
import { HV_CONTROL_INPUT_VTL, refuseParameter } from './hv-control.ts';

/**
 * The virtual trust level whose registers a translation is made with: the one that the control flags name, or else the
 * caller's own. A VTL has no say over one above it.
 *
 * @param contexts - one register context for each VTL that is enabled, from VTL 0 upwards
 * @param callerVtl - the VTL that makes the hypercall
 * @throws {@link AbiError} `ERR_ABI_ACCESS_DENIED` for a VTL above the caller's, `ERR_ABI_INVALID_PARAMETER` for one that is not
 * enabled.
 * @public
 */
export function selectInputVtl<T>(controlFlags: bigint, contexts: readonly T[], callerVtl: number): T {
  const input = controlFlags >> HV_CONTROL_INPUT_VTL.shift;
  const isNamed = (input & HV_CONTROL_INPUT_VTL.useTargetVtl) !== 0n;
  const vtl = isNamed ? Number(input & HV_CONTROL_INPUT_VTL.targetVtl) : callerVtl;
  if (vtl > callerVtl) {
    throw new AbiError('ERR_ABI_ACCESS_DENIED', `HV_STATUS_ACCESS_DENIED: VTL ${callerVtl} cannot name VTL ${vtl}`);
  }
  const context = contexts[vtl];
  return context === undefined ? refuseParameter(`VTL ${vtl} is not enabled`) : context;
}
