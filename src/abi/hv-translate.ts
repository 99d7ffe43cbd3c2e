import {
  type Access,
  type BitFlags,
  CR0_PG,
  CR4_CET,
  effectiveMemoryType,
  type FaultedTranslation,
  type MappedTranslation,
  type MemoryTypeRegisters,
  type PlannedBits,
  planBits,
  type Translation,
} from '../paging/index.ts';
import { type HvOverrides, hvChecks } from './hv-checks.ts';
import { hasControl, hvControlProblem, refuseParameter } from './hv-control.ts';
import { HV_CACHE_TYPE, HV_RESULT, HV_RESULT_OF_CAUSE, type HvResultName } from './hv-result.ts';
import { findTableFailure, type HvPages, isOverlayPage, pageOf } from './hv-table-access.ts';
import type { HvTranslateOutput } from './hv-translate-codec.ts';

/** One question to HvCallTranslateVirtualAddress. @public */
export interface HvTranslateRequest {
  /** HV_CONTROL bits. */
  readonly controlFlags: bigint;
  /** Guest virtual address; the input's GvaPage shifted up, which may be more than 64 bits. */
  readonly gva: bigint;
}

/** One VTL's register context of a vCPU, as far as the hypercall looks at it beside the walk. @public */
export interface HvVirtualProcessor {
  /** The DPL of SS. */
  readonly cpl: number;
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly maxPhyAddr: number;
  /** PAT and MTRRs. */
  readonly memoryTypes: Omit<MemoryTypeRegisters, 'cr0' | 'maxPhyAddr'>;
}

/** Walks to the request's address for one access, with the vCPU's registers but for what is overridden. @public */
export type HvWalk = (access: Access, overrides: HvOverrides) => Translation;

/** The output, and what led to it. @public */
export interface HvTranslateAnswer extends HvTranslateOutput {
  readonly name: HvResultName;
  /** The bits to set in the tables, from the top. Also for a walk that failed, in the entries that it had passed. */
  readonly bits: readonly PlannedBits[];
  /** The target's TLB flushes are to be inhibited: asked for, and the translation succeeded. */
  readonly inhibitsTlbFlush: boolean;
  /** The walk that decided; null when the address is one that no walk is made for. */
  readonly translation: Translation | null;
}

const BITS_WANTED = { setAccessed: true, setDirty: true, forceSetAccessed: true };
const NO_BITS: BitFlags = { setAccessed: false, setDirty: false, forceSetAccessed: false };

/**
 * HvCallTranslateVirtualAddress: all accesses that the flags name must be allowed, each by its own rules. Nothing is written;
 * the answer has the bits that are to be.
 *
 * @param vp - the vCPU, in the VTL that the flags name (see {@link selectInputVtl})
 * @param pages - what is known of guest physical pages: overlays, rights
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
  const translations = isWalked ? accesses.map((access) => walk(access, overrides)) : [];
  return judgeHvTranslate(request, vp, translations, pages);
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
  if (problem !== null) refuseParameter(problem);
  if (hasControl(controlFlags, 'shadowStack') && !(cr4 & CR4_CET)) {
    refuseParameter('SHADOW_STACK, and there are no shadow-stack accesses with CR4.CET=0');
  }
}

/**
 * The answer, given the walks: for whoever makes them in a way of their own.
 *
 * @param translations - of the accesses of {@link hvChecks}, in that order; none for an address of more than 64 bits
 * @public
 */
export function judgeHvTranslate(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  translations: readonly Translation[],
  pages: HvPages = {},
): HvTranslateAnswer {
  const [first] = translations;
  if (!(vp.cr0 & CR0_PG)) return withoutPaging(request, vp, first, pages);
  if (first === undefined) return failed('PageNotPresent', 0n, [], null);
  const decisive = firstToFail(translations) ?? translations.find(({ access }) => access.write) ?? first;
  const bits = planBits(decisive, flagsOf(request));
  const tables = findTableFailure(decisive, bits, pages);
  if (tables !== null) return failed(tables.result, tables.gpaPage, tables.bits, decisive);
  if (decisive.kind === 'mapped') return succeeded(request, vp, decisive, bits, pages);
  const result = HV_RESULT_OF_CAUSE[decisive.cause];
  const gpaPage = result === 'GpaUnmapped' ? pageOf(decisive.responsible?.address ?? 0n) : 0n;
  return failed(result, gpaPage, bits, decisive);
}

/** A walk that checks everything on its way ends where the first of the accesses fails; before the root, for some. */
function firstToFail(translations: readonly Translation[]): FaultedTranslation | undefined {
  const levelOf = (fault: FaultedTranslation) => fault.responsible?.level ?? Number.POSITIVE_INFINITY;
  return translations
    .filter((translation) => translation.kind === 'fault')
    .reduce<FaultedTranslation | undefined>(
      (top, fault) => (top === undefined || levelOf(fault) > levelOf(top) ? fault : top),
      undefined,
    );
}

function flagsOf({ controlFlags }: HvTranslateRequest): BitFlags {
  if (!hasControl(controlFlags, 'setPageTableBits')) return NO_BITS;
  return { ...BITS_WANTED, setDirty: hasControl(controlFlags, 'validateWrite') };
}

/** With paging off a translation always succeeds: the GPA is the GVA, whatever its size. */
function withoutPaging(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  translation: Translation | undefined,
  pages: HvPages,
): HvTranslateAnswer {
  const physicalAddress = translation?.kind === 'mapped' ? translation.physicalAddress : request.gva;
  return { ...success(request, vp, null, physicalAddress, pages), bits: [], translation: translation ?? null };
}

function succeeded(
  request: HvTranslateRequest,
  vp: HvVirtualProcessor,
  translation: MappedTranslation,
  bits: readonly PlannedBits[],
  pages: HvPages,
): HvTranslateAnswer {
  const leaf = translation.steps.at(-1) ?? null;
  return { ...success(request, vp, leaf, translation.physicalAddress, pages), bits, translation };
}

function success(
  { controlFlags }: HvTranslateRequest,
  { cr0, maxPhyAddr, memoryTypes }: HvVirtualProcessor,
  leaf: Parameters<typeof effectiveMemoryType>[1],
  physicalAddress: bigint,
  pages: HvPages,
): Omit<HvTranslateAnswer, 'bits' | 'translation'> {
  const gpaPage = pageOf(physicalAddress);
  return {
    resultCode: HV_RESULT.Success,
    name: 'Success',
    cacheType: HV_CACHE_TYPE[effectiveMemoryType({ ...memoryTypes, cr0, maxPhyAddr }, leaf, physicalAddress)],
    overlayPage: isOverlayPage(pages, gpaPage),
    gpaPage,
    inhibitsTlbFlush: hasControl(controlFlags, 'tlbFlushInhibit'),
  };
}

function failed(
  name: HvResultName,
  gpaPage: bigint,
  bits: readonly PlannedBits[],
  translation: Translation | null,
): HvTranslateAnswer {
  const nothing = { cacheType: 0, overlayPage: false, inhibitsTlbFlush: false };
  return { ...nothing, resultCode: HV_RESULT[name], name, gpaPage, bits, translation };
}
