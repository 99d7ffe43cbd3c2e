export { AbiError } from './errors.ts';
export type { HvControlProblem } from './hv-control-problem.ts';
export { type HvChecks, type HvOverrides, hvChecks } from './hypercall/hv-checks.ts';
export { HV_CONTROL, HV_CONTROL_INPUT_VTL, type HvControlName, hvControlProblem } from './hypercall/hv-control.ts';
export {
  decodeHvEventInfo,
  encodeHvEventInfo,
  HV_EVENT_INFO_BYTES,
  HV_EVENT_TYPE,
  HV_INTERCEPT_ACCESS,
  type HvEventName,
  type HvInterceptedAccess,
  type HvMemoryIntercept,
  type HvOtherEvent,
} from './hypercall/hv-event.ts';
export {
  fromHvFastOutput,
  fromHvFastRegisters,
  type HvFastRegisters,
  toHvFastOutput,
  toHvFastRegisters,
} from './hypercall/hv-fast-registers.ts';
export {
  checkHvTranslateControl,
  decodeHvHypercallControl,
  decodeHvHypercallResult,
  encodeHvHypercallControl,
  encodeHvHypercallResult,
  HV_CALL,
  HV_SELF,
  HV_STATUS,
  type HvHypercallControl,
  type HvHypercallResult,
} from './hypercall/hv-hypercall.ts';
export { inputVtlFlags, inputVtlOf, namedInputVtl, selectInputVtl } from './hypercall/hv-input-vtl.ts';
export { type HvVtl, type HvVtlAnswer, hvTranslateInVtl } from './hypercall/hv-partition.ts';
export { HV_CACHE_TYPE, HV_RESULT, type HvResultName } from './hypercall/hv-result.ts';
export {
  HV_MAP_GPA,
  type HvAccessTo,
  type HvPageAccess,
  type HvPages,
  type HvVtlProtection,
  hvPageAccess,
} from './hypercall/hv-table-access.ts';
export {
  checkHvRequest,
  type HvTranslateAnswer,
  type HvTranslateRequest,
  type HvVirtualProcessor,
  type HvWalk,
  hvTranslate,
  judgeHvTranslate,
} from './hypercall/hv-translate.ts';
export {
  decodeHvTranslateInput,
  decodeHvTranslateOutput,
  decodeHvTranslateOutputEx,
  encodeHvTranslateInput,
  encodeHvTranslateOutput,
  encodeHvTranslateOutputEx,
  HV_PAGE_BYTES,
  HV_TRANSLATE_INPUT_BYTES,
  HV_TRANSLATE_OUTPUT_BYTES,
  HV_TRANSLATE_OUTPUT_EX_BYTES,
  type HvTranslateInput,
  type HvTranslateOutput,
  type HvTranslateOutputEx,
} from './hypercall/hv-translate-codec.ts';
export type { HvWalked } from './hypercall/hv-walk-end.ts';
export { hvRegisters, hvWalkInMemory } from './hypercall/hv-walk-in-memory.ts';
export { type TranslateAnswer, toTranslateAnswer } from './kvm-translate.ts';
export {
  bitsMayBeSet,
  checkTerms,
  decisiveTranslation,
  decodeRequestTerms,
  TRANSLATE2_ACCESS,
  TRANSLATE2_ERROR,
  TRANSLATE2_FLAG,
  type Translate2Answer,
  type Translate2ErrorName,
  type Translate2Request,
  type Translate2Rules,
  type Translate2Terms,
  toTranslate2Answer,
  translate2ErrorOf,
  translate2ErrorOfCause,
  walkedAccesses,
} from './kvm-translate2.ts';
export {
  decodeTranslate2,
  encodeTranslate2,
  TRANSLATE2_BYTES,
  type Translate2Structure,
} from './kvm-translate2-codec.ts';
