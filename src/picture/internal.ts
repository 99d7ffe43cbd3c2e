/** @internal */
export { decodeMoment, encodeMoment, type MomentFile } from './container/moment-file.ts';
/** @internal */
export {
  type MomentHeading,
  type MomentPause,
  PICTURE_FORMAT,
  type PictureName,
  type PictureRegion,
} from './container/moment-heading.ts';
/** @internal */
export { decodePlainData, encodePlainData } from './container/plain-data.ts';
/** @internal */
export { PictureError } from './errors.ts';
/** @internal */
export { contentSecurityPolicy, makePage, type PageParts } from './page/make-page.ts';
/** @internal */
export { attributesOf, collectPieces, pieceOfRange } from './pieces/collect-pieces.ts';
/** @internal */
export { lowerBound } from './pieces/lower-bound.ts';
/** @internal */
export { endOf, LAYOUT, type Pieces, physicalPageOf, pieceAt, pieceFrom, piecesBytes } from './pieces/pieces.ts';
/** @internal */
export type { Piece } from './pieces/pieces-builder.ts';
/** @internal */
export { decodeRanges, firstRanges, joinRanges, RangeEncoder } from './pieces/range-columns.ts';
/** @internal */
export { decodeSymbols, encodeSymbols, type PictureSymbols } from './symbols/symbol-file.ts';
/** @internal */
export { encodeTables } from './tables/encode-tables.ts';
/** @internal */
export { TableStore } from './tables/table-store.ts';
/** @internal */
export { Axis, type AxisPart, type Span, spansOf } from './view/axis.ts';
/** @internal */
export { CHANGE_CLASSES, type Changes, findChanges } from './view/changes.ts';
/** @internal */
export {
  COLOURINGS,
  type ColourClass,
  type Coloured,
  type Colouring,
  type ColouringInput,
  describePiece,
  nameOfRegion,
} from './view/colourings.ts';
/** @internal */
export { COLOURS, type Colour } from './view/colours.ts';
/** @internal */
export { alarmingPieces, type Columns, classesOfColumns, findColumns, leavesWithin, NOTHING } from './view/columns.ts';
/** @internal */
export { type KeptMoments, keepMoment } from './view/kept-moments.ts';
/** @internal */
export { PHYSICAL_COLOURINGS } from './view/physical-colours.ts';
/** @internal */
export { inPhysicalOrder, type Mappings, mappingsOf, type PhysicalOrder } from './view/physical-order.ts';
