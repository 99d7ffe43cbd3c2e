/** @internal */
export { handFile, removeHandedFiles } from './commands/descriptors/hand-file.ts';
/** @internal */
export { findThread, handStream, removeHandedStream } from './commands/descriptors/hand-stream.ts';
export * from './index.ts';
