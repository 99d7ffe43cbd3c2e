import {
  type Access,
  asAnswer,
  type BitFlags,
  CR0_PG,
  CR4_CET,
  effectiveMemoryType,
  type HypervisorMemoryTypes,
  type MemoryType,
  type MemoryTypeRegisters,
  type NestedMemoryTypeRegisters,
  PAT_AT_RESET,
  type PlannedBits,
} from '../../paging/internal.ts';
import { type HvOverrides, hvChecks } from './hv-checks.ts';
import { hasControl, hvControlProblem, refuseParameter } from './hv-control.ts';
import { encodeHvEventInfo, type HvMemoryIntercept } from './hv-event.ts';
import { vtlInterceptOf } from './hv-intercept.ts';
import { HV_CACHE_TYPE, HV_RESULT, type HvResultName } from './hv-result.ts';
import { findTableFailure, type HvPages, isOverlayPage } from './hv-table-access.ts';
import type { HvTranslateOutputEx } from './hv-translate-codec.ts';
import { type HvWalkEnd, type HvWalked, pageOf, walkEndOf } from './hv-walk-end.ts';

/** One question to HvCallTranslateVirtualAddress. @public */
export interface HvTranslateRequest {
  /** HV_CONTROL bits. */
  readonly controlFlags: bigint;
  /** Guest virtual address; the input's GvaPage shifted up, which may be more than 64 bits. */
  readonly gva: bigint;
}

/** One VTL's register context of a vCPU, as far as the hypercall looks at it beside the walk. @public */
export interface HvVirtualProcessor {
  /** The VTL whose registers these are. 0 unless given. */
  readonly vtl?: number;
  /** The DPL of SS. */
  readonly cpl: number;
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly maxPhyAddr: number;
  /** PAT and MTRRs. */
  readonly memoryTypes: Omit<MemoryTypeRegisters, 'cr0' | 'maxPhyAddr'>;
  /**
   * The hypervisor's in the partition, while the vCPU runs its guest behind nested tables of AMD's: `memoryTypes.pat` then is
   * that guest's (G_PAT of the VMCB). Unless given, the PAT is as at reset, and the hypervisor's caches are on.
   */
  readonly hypervisor?: HypervisorMemoryTypes;
}

const HYPERVISOR_AT_RESET: HypervisorMemoryTypes = { pat: PAT_AT_RESET, cr0: 0n };

function memoryTypeRegistersOf({
  cr0,
  maxPhyAddr,
  memoryTypes,
  hypervisor,
}: HvVirtualProcessor): NestedMemoryTypeRegisters {
  return { ...memoryTypes, cr0, maxPhyAddr, hypervisor: hypervisor ?? HYPERVISOR_AT_RESET };
}

/**
 * Walks to the request's address for one access, with the vCPU's registers but for what is overridden; through both stages
 * while the vCPU runs a nested guest (L2).
 *
 * @public
 */
export type HvWalk = (access: Access, overrides: HvOverrides) => HvWalked;

/** The output, and what led to it. @public */
export interface HvTranslateAnswer extends HvTranslateOutputEx {
  readonly name: HvResultName;
  /** What `eventInfo` says: the event of an Intercept; null for any other result. */
  readonly event: HvMemoryIntercept | null;
  /** The bits to set in the tables, from the top. Also for a walk that failed, in the entries that it had passed. */
  readonly bits: readonly PlannedBits[];
  /** The target's TLB flushes are to be inhibited: asked for, and the translation succeeded. */
  readonly inhibitsTlbFlush: boolean;
  /** The walk that decided; null when the address is one that no walk is made for. */
  readonly walk: HvWalked | null;
}

/**
 * HvCallTranslateVirtualAddress: all accesses that the flags name must be allowed, each by its own rules. Nothing is written;
 * the answer has the bits that are to be.
 *
 * @param vp - the vCPU, in the VTL that the flags name (see {@link selectInputVtl})
 * @param pages - what is known of guest physical pages: overlays, the parent's mapping, VTL protections
 * @throws {@link AbiError} `ERR_ABI_INVALID_PARAMETER` where the hypercall has HV_STATUS_INVALID_PARAMETER for an answer.
 * @public
 */
export function hvTranslate(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  walk: HvWalk,
  pages: HvPages = {},
): HvTranslateAnswer {
  checkHvRequest(request, vp);
  const { accesses, overrides } = hvChecks(request.controlFlags, vp.cpl);
  const isWalked = BigInt.asUintN(64, request.gva) === request.gva;
  const walks = isWalked ? accesses.map((access) => walk(access, overrides)) : [];
  return judgeHvTranslate(request, vp, walks, pages);
}

/**
 * Refuses what the hypercall refuses before any walk.
 *
 * @throws {@link AbiError} `ERR_ABI_INVALID_PARAMETER`.
 * @public
 */
export function checkHvRequest(
  { controlFlags }: Pick<HvTranslateRequest, 'controlFlags'>,
  { cr4 }: Pick<HvVirtualProcessor, 'cr4'>,
): void {
  const problem = hvControlProblem(controlFlags);
  if (problem !== null) refuseParameter(`control flags (${problem.code})`, problem);
  if (hasControl(controlFlags, 'shadowStack') && !(cr4 & CR4_CET)) {
    refuseParameter('SHADOW_STACK, and there are no shadow-stack accesses with CR4.CET=0');
  }
}

/**
 * The answer, given the walks: for callers that make them in a way of their own.
 *
 * @param walks - of the accesses of {@link hvChecks}, in that order; none for an address of more than 64 bits
 * @public
 */
export function judgeHvTranslate(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  walks: readonly HvWalked[],
  pages: HvPages = {},
): HvTranslateAnswer {
  const { accesses, modes } = hvChecks(request.controlFlags, vp.cpl);
  const made = walks.map((walked, at) => walkEndOf(walked, accesses[at] as Access));
  const ends = modes === 'either' ? bestOfEachKind(made) : made;
  const [first] = ends;
  if (!(vp.cr0 & CR0_PG) && first?.isNested !== true) return withoutPaging(request, vp, first, pages);
  if (first === undefined) return failed('PageNotPresent', 0n, [], null);
  const end = firstToFail(ends) ?? ends.find(({ access }) => access.write) ?? first;
  const bits = hasControl(request.controlFlags, 'setPageTableBits') ? end.plan(bitFlagsOf(request)) : [];
  const { vtl = 0 } = vp;
  const tables = findTableFailure(end, bits, pages, vtl);
  if (tables !== null) {
    const { result, gpaPage, denial } = tables;
    const event = denial && vtlInterceptOf(denial, request.gva, gpaPage);
    // Of an Intercept the event names the page; GpaPage is for codes 4 to 7.
    return failed(result, denial === null ? gpaPage : 0n, tables.bits, end, event);
  }
  const physicalAddress = end.physicalAddress ?? 0n;
  if (end.memoryType === null) {
    return failed(end.result, pageOf(physicalAddress), bits, end, end.intercept?.(request.gva, vtl) ?? null);
  }
  const memoryType = end.memoryType(memoryTypeRegistersOf(vp));
  return asAnswer({ ...success(request, memoryType, physicalAddress, pages), bits, walk: end.walked });
}

/** Of the walks for one kind of access, by different modes, the one that succeeds, or else that gets furthest. */
function bestOfEachKind(ends: readonly HvWalkEnd[]): readonly HvWalkEnd[] {
  const best = new Map<string, HvWalkEnd>();
  for (const end of ends) {
    const kind = `${end.access.write} ${end.access.exec}`;
    const known = best.get(kind);
    if (known === undefined || isBetter(end, known)) best.set(kind, end);
  }
  return [...best.values()];
}

function isBetter(one: HvWalkEnd, other: HvWalkEnd): boolean {
  if (other.result === 'Success') return false;
  return one.result === 'Success' || one.entries.length > other.entries.length;
}

/** A walk that checks everything on its way ends where the first of the accesses fails. */
function firstToFail(ends: readonly HvWalkEnd[]): HvWalkEnd | undefined {
  return ends
    .filter(({ result }) => result !== 'Success')
    .reduce<HvWalkEnd | undefined>(
      (first, end) => (first === undefined || end.entries.length < first.entries.length ? end : first),
      undefined,
    );
}

function bitFlagsOf({ controlFlags }: HvTranslateRequest): BitFlags {
  return { setAccessed: true, forceSetAccessed: true, setDirty: hasControl(controlFlags, 'validateWrite') };
}

/** With no stage that pages a translation always succeeds: the GPA is the GVA, whatever its size. */
function withoutPaging(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  end: HvWalkEnd | undefined,
  pages: HvPages,
): HvTranslateAnswer {
  const physicalAddress = (end?.result === 'Success' ? end.physicalAddress : null) ?? request.gva;
  const memoryType = effectiveMemoryType(memoryTypeRegistersOf(vp), null, physicalAddress);
  return asAnswer({ ...success(request, memoryType, physicalAddress, pages), bits: [], walk: end?.walked ?? null });
}

function success(
  { controlFlags }: HvTranslateRequest,
  memoryType: MemoryType,
  physicalAddress: bigint,
  pages: HvPages,
): Omit<HvTranslateAnswer, 'bits' | 'walk'> {
  const gpaPage = pageOf(physicalAddress);
  return {
    resultCode: HV_RESULT.Success,
    name: 'Success',
    cacheType: HV_CACHE_TYPE[memoryType],
    overlayPage: isOverlayPage(pages, gpaPage),
    gpaPage,
    event: null,
    eventInfo: encodeHvEventInfo(null),
    inhibitsTlbFlush: hasControl(controlFlags, 'tlbFlushInhibit'),
  };
}

function failed(
  name: HvResultName,
  gpaPage: bigint,
  bits: readonly PlannedBits[],
  end: HvWalkEnd | null,
  event: HvMemoryIntercept | null = null,
): HvTranslateAnswer {
  const nothing = { cacheType: 0, overlayPage: false, inhibitsTlbFlush: false };
  const eventInfo = encodeHvEventInfo(event);
  return asAnswer({
    ...nothing,
    resultCode: HV_RESULT[name],
    name,
    gpaPage,
    event,
    eventInfo,
    bits,
    walk: end?.walked ?? null,
  });
}
