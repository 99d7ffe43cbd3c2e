export { type Access, encodeAccess } from './access.ts';
export {
  CR0_CD,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_LA57,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  RFLAGS_AC,
} from './architecture.ts';
export { bufferMemory } from './buffer-memory.ts';
export { changedRanges, everyPage, type PageRange, type TablesAtOnce } from './changed-ranges.ts';
export { createContext, type PagingContext, type PagingRegisters, type ProcessorFeatures } from './context.ts';
export {
  type EnumerateOptions,
  type EnumerateResult,
  enumerate,
  type LeafSink,
  type PageSource,
} from './enumerate.ts';
export { PagingInputError } from './errors.ts';
export { errorCodeOf, responsibleAddressOf } from './fault.ts';
export { feedFromPage, type WaitingWalk } from './feed-from-page.ts';
export { type Alias, findAliases, type PhysicalRange } from './find-aliases.ts';
export { formatHex } from './format-hex.ts';
export { LastTableSlots } from './last-table-slots.ts';
export type { PageAttributes } from './leaf-attributes.ts';
export type { UsageBits } from './levels.ts';
export { canonicalAddress, linearPageOf } from './linear-page.ts';
export { enumerateLeaves, type MappedLeaf } from './mapped-leaves.ts';
export type { MappedRun } from './mapped-run.ts';
export { type ClassifyPages, enumerateRuns, type RunOptions } from './mapped-runs.ts';
export { effectiveMemoryType, type MemoryTypeLeaf, type MemoryTypeRegisters, PAT_AT_RESET } from './memory-type.ts';
export type { PagingMode, TableName } from './modes.ts';
export { type MemoryType, type MtrrRegisters, mtrrTypeAt, type VariableMtrr } from './mtrr.ts';
export { changedNestedRanges, type NestedTablesAtOnce } from './nested/changed-nested-ranges.ts';
export type { StagedOptions } from './nested/enumerate-pieces.ts';
export { createEpt, type EptCapabilities } from './nested/ept.ts';
export { guestTables } from './nested/guest-tables.ts';
export type { NestedContext } from './nested/nested-context.ts';
export {
  effectiveNestedMemoryType,
  type HostMemoryTypes,
  type NestedMemoryTypeLeaves,
  type NestedMemoryTypeRegisters,
} from './nested/nested-memory-type.ts';
export {
  type NestedFaultCause,
  type NestedStep,
  type NestedTranslation,
  startNestedWalk,
  toNestedTranslation,
  translateNested,
} from './nested/nested-translation.ts';
export { type NestedPurpose, NestedWalk } from './nested/nested-walk.ts';
export { createNpt, type NptRegisters } from './nested/npt.ts';
export { type NestedPlannedBits, planNestedBits, processorNestedBits } from './nested/plan-nested-bits.ts';
export { type BitFlags, type PlannedBits, planBits } from './plan-bits.ts';
export { cr2AfterFault, processorBits } from './processor-bits.ts';
export { AMD, afterTcg, INTEL, KVM, type Profile, type QemuVersion, TCG, tcgProfile } from './profiles.ts';
export { REGISTER_BITS } from './register-bits.ts';
export { decodeRights, type Rights } from './rights.ts';
export { StructureCache } from './structure-cache.ts';
export { type EntrySource, startWalk, translate } from './translate.ts';
export {
  type FaultCause,
  type FaultedTranslation,
  faultCauseOf,
  type MappedTranslation,
  type Translation,
  toTranslation,
  type WalkStep,
} from './translation.ts';
export { OUTCOME, type Outcome, Walk } from './walk.ts';
