export { connect } from './connect.ts';
export type { ConnectOptions } from './connect-options.ts';
export type { ConnectedSocket, Connection, TcpEnd, TraceRecord, TraceSink } from './connection.ts';
export { type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.ts';
export { ConnectError, type ConnectErrorCode, EndpointError, TransportError } from './errors.ts';
export { escapeLines, escapeUnprintable, formatPrintable, printableText } from './printable-text.ts';
export type { SocketFile } from './socket-file.ts';
