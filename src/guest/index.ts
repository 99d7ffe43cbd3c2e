export { attach, withPausedGuest } from './attach.ts';
export type { AttachOptions } from './attach-options.ts';
export {
  GuestArchitectureError,
  GuestCpuError,
  GuestError,
  GuestMemoryError,
  GuestRunStateError,
  type GuestRunStateErrorCode,
  GuestStateError,
  GuestStubError,
  type GuestStubErrorCode,
  GuestUsageError,
  type MemoryAttempt,
} from './errors.ts';
export { Guest } from './guest.ts';
export type { GuestTranslation, SecondStage, TranslateRequest, TranslateScope } from './guest-translation.ts';
export { GuestView, type MapScope, type MemoryReport } from './guest-view.ts';
export type { HiddenRegisters, Pdptes } from './hidden-registers.ts';
export { KeptGuest } from './kept-guest.ts';
export type { LinearRange } from './linear-range.ts';
export { LiveGuest } from './live-guest.ts';
export type { LoadProgress } from './load-tables.ts';
export { MemoryMap, type Region, type RegionKind } from './memory-map.ts';
export type { MemoryTypeMsrs } from './memory-types.ts';
export { type NestedStage, parseNestedStage } from './nested-state.ts';
export { type Override, overrideNames, parseOverride, parseProfile } from './overrides.ts';
export { PausedGuest } from './paused-guest.ts';
export type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';
export type { Processor } from './processor.ts';
export type { NamedRegion } from './region-set.ts';
export type { Sourced } from './sourced.ts';
export { TableSnapshot } from './table-snapshot.ts';
export { TranslationTable } from './translation-table.ts';
export { contextOf, nestedContextOf, type VcpuState } from './vcpu-state.ts';
