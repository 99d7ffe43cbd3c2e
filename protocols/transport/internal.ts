/** @internal */
export { duplexOf } from './duplex-of.ts';
export * from './index.ts';
/** @internal */
export { escapeLines, escapeUnprintable, formatPrintable, printableText } from './printable-text.ts';
/** @internal */
export { expectSocketFile } from './socket/expect-socket-file.ts';
