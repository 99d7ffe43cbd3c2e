export {
  type EnumerateOptions,
  type EnumerateResult,
  enumerate,
  type LeafSink,
  type PageSource,
} from './enumerate/enumerate.ts';
export type { StagedOptions } from './enumerate/enumerate-pieces.ts';
export type { PageAttributes } from './enumerate/leaf-attributes.ts';
export { PagingInputError } from './errors.ts';
export { formatHex } from './format-hex.ts';
export {
  effectiveMemoryType,
  type MemoryTypeLeaf,
  type MemoryTypeRegisters,
  PAT_AT_RESET,
} from './memory-type/memory-type.ts';
export { type MemoryType, type MtrrRegisters, mtrrTypeAt, type VariableMtrr } from './memory-type/mtrr.ts';
export {
  effectiveNestedMemoryType,
  type HypervisorMemoryTypes,
  type NestedMemoryTypeLeaves,
  type NestedMemoryTypeRegisters,
} from './memory-type/nested-memory-type.ts';
export { createEpt, type EptCapabilities } from './nested/ept.ts';
export type { NestedContext } from './nested/nested-context.ts';
export {
  type NestedFaultCause,
  type NestedStep,
  type NestedTranslation,
  translateNested,
} from './nested/nested-translation.ts';
export type { NestedPurpose } from './nested/nested-walk.ts';
export { createNpt, type NptRegisters } from './nested/npt.ts';
export { type NestedPlannedBits, planNestedBits, processorNestedBits } from './nested/plan-nested-bits.ts';
export type { Access } from './rules/access.ts';
export {
  CR0_CD,
  CR0_PG,
  CR0_WP,
  CR3_LAM_U48,
  CR3_LAM_U57,
  CR4_CET,
  CR4_LA57,
  CR4_LAM_SUP,
  CR4_LASS,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  EFER_UAIE,
  RFLAGS_AC,
} from './rules/architecture.ts';
export { createContext, type PagingContext, type ProcessorFeatures } from './rules/context.ts';
export type { Level, UsageBits } from './rules/levels.ts';
export type { PagingMode, TableName } from './rules/modes.ts';
export { AMD, afterTcg, INTEL, KVM, type Profile, type QemuVersion, TCG, tcgProfile } from './rules/profiles.ts';
export { REGISTER_BITS } from './rules/register-bits.ts';
export type { PagingRegisters } from './rules/registers.ts';
export type { Rights } from './rules/rights.ts';
export { changedNestedRanges, type NestedTablesAtOnce } from './space/changed-nested-ranges.ts';
export { changedRanges, type PageRange, type TablesAtOnce } from './space/changed-ranges.ts';
export { type Alias, findAliases, type PhysicalRange } from './space/find-aliases.ts';
export { enumerateLeaves, type MappedLeaf } from './space/mapped-leaves.ts';
export type { MappedRange } from './space/mapped-range.ts';
export { type ClassifyPages, enumerateRanges, type RangeOptions } from './space/mapped-ranges.ts';
export { bufferMemory } from './walk/buffer-memory.ts';
export type { Denial, FaultReason, NestedFaultReason, WalkFaultReason } from './walk/fault-reason.ts';
export { type BitFlags, type PlannedBits, planBits } from './walk/plan-bits.ts';
export { cr2AfterFault, processorBits } from './walk/processor-bits.ts';
export { type EntrySource, translate } from './walk/translate.ts';
export type { FaultCause, FaultedTranslation, MappedTranslation, Translation, WalkStep } from './walk/translation.ts';
