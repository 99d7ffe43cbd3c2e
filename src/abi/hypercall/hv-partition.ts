import { inputVtlOf, selectInputVtl } from './hv-input-vtl.ts';
import type { HvAccessTo, HvPages } from './hv-table-access.ts';
import {
  type HvTranslateAnswer,
  type HvTranslateRequest,
  type HvVirtualProcessor,
  type HvWalk,
  hvTranslate,
} from './hv-translate.ts';

/** A virtual trust level of a vCPU: registers of its own, and what it lets the VTLs below it do. @public */
export interface HvVtl {
  readonly vp: Omit<HvVirtualProcessor, 'vtl'>;
  /** Walks with this VTL's registers: {@link hvWalkInMemory}, say. */
  readonly walkTo: (gva: bigint) => HvWalk;
  /** What VTLs below this one may do with a page (HvCallModifyVtlProtectionMask). Everything unless given. */
  readonly accessTo?: HvAccessTo;
}

/** An answer, and the VTL whose it is. @public */
export interface HvVtlAnswer extends HvTranslateAnswer {
  readonly vtl: number;
}

/**
 * HvCallTranslateVirtualAddress for a vCPU with several VTLs: walks with the registers of the one that the control flags name,
 * under the protections of those above it.
 *
 * @param vtls - from VTL 0 upwards; a hole where one is not enabled
 * @param callerVtl - the VTL that makes the hypercall; the highest unless given
 * @param pages - overlays, and what the parent's mapping allows
 * @throws {@link AbiError} as `hvTranslate` and {@link selectInputVtl}.
 * @public
 */
export function hvTranslateInVtl(
  request: HvTranslateRequest,
  vtls: readonly (HvVtl | undefined)[],
  callerVtl: number = vtls.length - 1,
  pages: Omit<HvPages, 'protections'> = {},
): HvVtlAnswer {
  const { vp, walkTo } = selectInputVtl(request.controlFlags, vtls, callerVtl);
  const vtl = inputVtlOf(request.controlFlags, callerVtl);
  const protections = vtls.flatMap((each, at) => (each?.accessTo ? [{ vtl: at, accessTo: each.accessTo }] : []));
  const answer = hvTranslate(request, { ...vp, vtl }, walkTo(request.gva), { ...pages, protections });
  return { ...answer, vtl };
}
