/** @internal */
export { AreaMap, type AreasOfRange } from './areas/linux-area.ts';
/** @internal */
export type { AreaProblem } from './areas/process-areas.ts';
/** @internal */
export { decodeEntry, type StandingEntry } from './entries/decode-entry.ts';
/** @internal */
export type { EntryRules } from './entries/entry-rules.ts';
/** @internal */
export { type FileBytes, isElf, parseElfSymbols } from './files/parse-elf-symbols.ts';
/** @internal */
export { parseSymbolLines } from './files/parse-symbol-lines.ts';
/** @internal */
export { slideTo } from './files/slide.ts';
/** @internal */
export { findSymbol, symbolsLike } from './find-symbol.ts';
export * from './index.ts';
/** @internal */
export { decodeKernelNames, encodeKernelNames } from './kernel/kept-names.ts';
/** @internal */
export {
  findKernel,
  type KernelImage,
  type KernelPlace,
  readKernelImage,
} from './kernel/kernel-image.ts';
/** @internal */
export { type KernelNames, prepareNames, readKernelNames } from './kernel/kernel-names.ts';
/** @internal */
export { KernelMemo, type KnownKernel, type KnownKernels, recognizeKernel } from './kernel/known-kernels.ts';
/** @internal */
export type { AddressSpaceOwner, KnownAreas } from './linux.ts';
/** @internal */
export { AddressSpace } from './memory/address-space.ts';
/** @internal */
export type { PageFeed } from './memory/page-feed.ts';
/** @internal */
export { readTasks, type TaskList } from './processes/read-tasks.ts';
/** @internal */
export { type FoundSymbol, type SymbolSearch, searchSymbols } from './search-symbols.ts';
/** @internal */
export { makeColumns, type PlainSymbol } from './symbols/make-columns.ts';
/** @internal */
export { Btf, type BtfMember } from './types/btf.ts';
