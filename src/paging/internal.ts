/** @internal */
export { asAnswer } from './as-answer.ts';
/** @internal */
export { busPage, pagesInOnePiece } from './enumerate/bus-page.ts';
/** @internal */
export { enumeratePieces } from './enumerate/enumerate-pieces.ts';
/** @internal */
export { guestTables } from './enumerate/guest-tables.ts';
/** @internal */
export { decodeAttributes, encodeAttributes, type LeafAttributes } from './enumerate/leaf-attributes.ts';
/** @internal */
export { canonicalAddress, linearPageOf, upperHalfPage } from './enumerate/linear-page.ts';
/** @internal */
export type { PageSize, PieceSink } from './enumerate/piece-sink.ts';
/** @internal */
export { linearDigits } from './format-hex.ts';
export * from './index.ts';
/** @internal */
export { startNestedWalk, toNestedTranslation } from './nested/nested-translation.ts';
/** @internal */
export { NestedWalk } from './nested/nested-walk.ts';
/** @internal */
export { encodeAccess } from './rules/access.ts';
/** @internal */
export { ENTRY_A, ENTRY_D } from './rules/architecture.ts';
/** @internal */
export { leafPageOf } from './rules/entry-kind.ts';
/** @internal */
export { linearBitsOf } from './rules/modes.ts';
/** @internal */
export { decodeRights } from './rules/rights.ts';
/** @internal */
export { everyPage } from './space/changed-ranges.ts';
/** @internal */
export { errorCodeOf, responsibleAddressOf } from './walk/fault.ts';
/** @internal */
export { feedFromPage, type WaitingWalk } from './walk/feed-from-page.ts';
/** @internal */
export { LastTableSlots } from './walk/last-table-slots.ts';
/** @internal */
export { StructureCache } from './walk/structure-cache.ts';
/** @internal */
export { startWalk } from './walk/translate.ts';
/** @internal */
export { faultCauseOf, toTranslation } from './walk/translation.ts';
/** @internal */
export { OUTCOME, type Outcome, Walk } from './walk/walk.ts';
