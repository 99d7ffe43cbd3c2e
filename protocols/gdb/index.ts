export {
  type AbandonSignal,
  type ByteStream,
  ConnectError,
  type ConnectErrorCode,
  type ConnectedSocket,
  type Connection,
  type ConnectOptions,
  connect,
  type Endpoint,
  EndpointError,
  formatEndpoint,
  parseEndpoint,
  type SocketFile,
  type TcpEnd,
  type TraceRecord,
  type TraceSink,
  TransportError,
} from '../transport/index.ts';
export type { StubFeatures } from './commands/features/supported.ts';
export type { ThreadExtraInfo } from './commands/threads/thread-extra-info.ts';
export {
  GdbArchitectureError,
  GdbArgumentError,
  GdbBusyError,
  GdbClosedError,
  GdbError,
  type GdbErrorDetails,
  GdbPacketTooLongError,
  GdbProtocolError,
  GdbReplyError,
  GdbStateError,
  GdbTargetDescriptionError,
  GdbTimeoutError,
  GdbUnsupportedError,
} from './errors.ts';
export { GdbClient, type GdbClientOptions } from './gdb-client.ts';
export { PacketDecoder, type PacketDefect, type PacketSink } from './packets/packet-decoder.ts';
export { encodePacket, MAX_REQUEST_CHARS } from './packets/packet-encoder.ts';
export type { GdbRequest, ReplyContext } from './packets/request.ts';
export type { StopReply } from './packets/stop-reply.ts';
export type { GdbThread } from './packets/thread-id.ts';
export { GdbRunControl, type ResumeOptions } from './run-control.ts';
export type { GdbFeatures } from './session/handshake.ts';
export type { BlockReads, MemoryPiece } from './session/memory-requests.ts';
export type { GdbState, GdbStatistics } from './session/session.ts';
export type { RegisterDescription, RegisterLayout, RegisterValues } from './target-description/register-layout.ts';
