export { diffMaps, type MapChange, type MapDifference, type MapSegment } from './diff-maps.ts';
export { encodeHvTranslation } from './encode-hv-translation.ts';
export { encodeLeaf, encodeMapEnd, encodeMapHeading, encodeRun } from './encode-map.ts';
export { encodeMapSummary } from './encode-map-summary.ts';
export { encodeState } from './encode-state.ts';
export { encodeTranslation } from './encode-translation.ts';
export { entryFlags } from './entry-flags.ts';
export { formatAccess } from './format-access.ts';
export { encodeAlias, formatAlias } from './format-alias.ts';
export { type BriefAnswer, formatBrief } from './format-brief.ts';
export { encodeChange, formatChange } from './format-change.ts';
export { formatHex } from './format-hex.ts';
export { formatHvTranslation } from './format-hv-translation.ts';
export { formatLeaf, formatMapHeading, formatRun } from './format-map.ts';
export { formatMapSummary } from './format-map-summary.ts';
export { formatMode } from './format-mode.ts';
export { formatRights } from './format-rights.ts';
export { formatSize } from './format-size.ts';
export { formatState } from './format-state.ts';
export { formatTranslation } from './format-translation.ts';
export { type MappedAmount, MapSummary, type NotableRanges } from './map-summary.ts';
export type { ReportedHvTranslation } from './reported-hv-translation.ts';
export type { ReportedLeaf, ReportedMap, ReportedMapEnd } from './reported-map.ts';
export type {
  ReportedMemoryAccess,
  ReportedProcessor,
  ReportedRange,
  ReportedRegisters,
  ReportedStage,
  ReportedState,
  ReportedValue,
} from './reported-state.ts';
export type { ReportedAddressSpace, ReportedRegion, ReportedTranslation } from './reported-translation.ts';
export { COLOURED, PLAIN, type Style } from './style.ts';
