/** @internal */
export { sourceOfBytes } from './dump-source.ts';
/** @internal */
export type { ByteSource } from './file/byte-source.ts';
export * from './index.ts';
/** @internal */
export { parseRegisters } from './registers/registers-file.ts';
