export { formatAssumption } from './assumed/format-assumption.ts';
export type { ReportedAssumption } from './assumed/reported-assumption.ts';
export type { CauseEvidence, ReportedCause } from './causes/cause-evidence.ts';
export { formatCause } from './causes/format-cause.ts';
export { encodeGuest, formatGuests } from './guests/format-guests.ts';
export type { ReportedChannel, ReportedGuest } from './guests/reported-guest.ts';
export { encodeHvTranslation } from './hypercall/encode-hv-translation.ts';
export { formatHvControlProblem } from './hypercall/format-hv-control-problem.ts';
export { formatHvBrief, formatHvTranslation } from './hypercall/format-hv-translation.ts';
export { encodeHvBytes, formatHvBytes } from './hypercall/hv-bytes.ts';
export type { DecodedHvBytes, ReportedHvTranslation } from './hypercall/reported-hv-translation.ts';
export { formatArea, formatAreas, type ReportedAreas } from './linux/format-area.ts';
export { formatLinuxEntry } from './linux/format-entry.ts';
export { formatOwner, type ReportedOwner } from './linux/format-owner.ts';
export {
  encodeSymbol,
  encodeSymbolPlace,
  formatPlace,
  formatSymbol,
  formatSymbolPlace,
} from './linux/format-symbol.ts';
export { encodeTask, formatTasks } from './linux/format-tasks.ts';
export { diffMaps, type MapChange, type MapDifference, type MapSegment } from './map/diff-maps.ts';
export { encodeLeaf, encodeMapEnd, encodeMapHeading, encodeMappedRange } from './map/encode-map.ts';
export { encodeMapSummary } from './map/encode-map-summary.ts';
export { type AliasNames, encodeAlias, encodeAliasEnd, formatAlias, type PhysicalSpace } from './map/format-alias.ts';
export { encodeChange, formatChange } from './map/format-change.ts';
export { formatLeaf, formatMapHeading, formatMappedRange } from './map/format-map.ts';
export { formatMapSummary } from './map/format-map-summary.ts';
export { type MapFilter, type MapFilterProblem, readMapFilter } from './map/map-filter.ts';
export { type MappedAmount, MapSummary, type NotableRanges } from './map/map-summary.ts';
export type { ReportedLeaf, ReportedMap, ReportedMapEnd } from './map/reported-map.ts';
export {
  formatDeviation,
  formatMachine,
  type ReportedDeviation,
  type ReportedMachine,
} from './reasons/format-deviation.ts';
export { formatReason } from './reasons/format-reason.ts';
export { assumedAmong, assumedOf } from './state/assumed-of.ts';
export { encodeState } from './state/encode-state.ts';
export { formatState } from './state/format-state.ts';
export { encodeVcpu, formatVcpus, type ReportedVcpu } from './state/format-vcpus.ts';
export type {
  ReportedMemoryAccess,
  ReportedPosition,
  ReportedProcessor,
  ReportedRange,
  ReportedRegisters,
  ReportedStage,
  ReportedState,
  ReportedValue,
} from './state/reported-state.ts';
export { COLOURED, PLAIN, type Style } from './style.ts';
export { explainAssumptionMark, explainDeviationMark } from './translation/brief-marks.ts';
export { encodeTranslation } from './translation/encode-translation.ts';
export { type BriefAnswer, type BriefDoubts, type BriefNames, formatBrief } from './translation/format-brief.ts';
export { formatTranslation } from './translation/format-translation.ts';
export type {
  ReportedAddressSpace,
  ReportedRegion,
  ReportedRomEntry,
  ReportedTranslation,
} from './translation/reported-translation.ts';
export { encodeUsage, formatUsage, type ReportedUsage } from './usage/format-usage.ts';
export { collectUsage, totalUsage, type UsageCounts, type UsageRange } from './usage/usage-range.ts';
export { entryFlags } from './words/entry-flags.ts';
export { formatAccess } from './words/format-access.ts';
export { formatHex } from './words/format-hex.ts';
export { formatMode } from './words/format-mode.ts';
export { formatRights } from './words/format-rights.ts';
export { formatSize } from './words/format-size.ts';
