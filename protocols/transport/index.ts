export type { Connection, TraceRecord, TraceSink } from './connection.ts';
