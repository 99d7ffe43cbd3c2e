export type { AbandonSignal } from './abandon-signal.ts';
export type { ByteStream } from './byte-stream.ts';
export { connect } from './connect.ts';
export type { ConnectOptions } from './connect-options.ts';
export type { ConnectedSocket, Connection, TcpEnd, TraceRecord, TraceSink } from './connection.ts';
export { type Endpoint, type EndpointWithHelper, formatEndpoint, parseEndpoint, type TlsFiles } from './endpoint.ts';
export { ConnectError, type ConnectErrorCode, EndpointError, TransportError } from './errors.ts';
export type { SocketFile } from './files/socket-file.ts';
