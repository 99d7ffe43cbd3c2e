export type { Deviation } from './answers/deviation.ts';
export type { GuestTranslation, SecondStage, TranslateRequest, TranslateScope } from './answers/guest-translation.ts';
export type { RomEntry } from './answers/rom-entries.ts';
export { attach, withPausedGuest } from './attach.ts';
export type { DeviceStateCause } from './causes/device-state-cause.ts';
export type { MemoryCause } from './causes/memory-cause.ts';
export type { PeerCause, StubCause } from './causes/peer-cause.ts';
export type { SavedRegister, UnavailableCause } from './causes/unavailable-cause.ts';
export type { UnusedCause } from './causes/unused-cause.ts';
export {
  type GuestAccess,
  GuestAccessError,
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
  type UnknownName,
} from './errors.ts';
export { Guest } from './guest.ts';
export { GuestView, type ManyScope, type MapScope } from './guest-view.ts';
export type { LinearRange } from './linear-range.ts';
export type { AttachOptions } from './link/attach-options.ts';
export type { Recovery } from './link/recover.ts';
export type { LoadProgress } from './memory/load-tables.ts';
export { MemoryMap, type Region, type RegionKind } from './memory/memory-map.ts';
export type { MemoryPiece, PhysicalMemory } from './memory/physical-memory.ts';
export type { NamedRegion } from './memory/region-set.ts';
export type { WritableMemory } from './memory/write-bits.ts';
export type { OpenGuest, RunningGuest } from './open-guest.ts';
export type { Resumption } from './restore/put-back.ts';
export { type GivenGuest, givenSource } from './source/given-source.ts';
export { type GivenOrigin, type GivenVcpu, vcpuStateOf } from './source/given-vcpu.ts';
export type { GuestSource, MemoryReport, SourceMemory, SourcePause, SourceVcpu } from './source/guest-source.ts';
export type { SourceName } from './source-names.ts';
export { StillGuest } from './still-guest.ts';
export { TableSnapshot } from './table-snapshot.ts';
export type { AssumedName, Assumption } from './vcpu/assumption.ts';
export type { HiddenRegisters, Pdptes } from './vcpu/hidden-registers.ts';
export { type Machine, machineOf } from './vcpu/machine.ts';
export type { MemoryTypeMsrs } from './vcpu/memory-types.ts';
export { type NestedStage, parseNestedStage } from './vcpu/nested-state.ts';
export { type Override, overrideNames, parseOverride, parseProfile } from './vcpu/overrides.ts';
export type { Processor } from './vcpu/processor.ts';
export type { AssumedValue, ReadValue, Sourced, UnusedValue } from './vcpu/sourced.ts';
export { contextOf, nestedContextOf, type VcpuPosition, type VcpuState } from './vcpu/vcpu-state.ts';
export { type TranslationRow, TranslationTable } from './walks/translation-table.ts';
