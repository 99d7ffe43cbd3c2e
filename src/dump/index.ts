export type { DumpOptions } from './dump-source.ts';
export { DumpError, DumpFileError, DumpFormatError, DumpRegistersError, DumpUnsupportedError } from './errors.ts';
export { openDump } from './open-dump.ts';
