export type { ThreadExtraInfo } from './commands/thread-extra-info.ts';
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
export type { GdbFeatures } from './handshake.ts';
export type { BlockReads, MemoryPiece } from './memory-requests.ts';
export { PacketDecoder, type PacketDefect, type PacketSink } from './packet-decoder.ts';
export { encodePacket, MAX_REQUEST_CHARS } from './packet-encoder.ts';
export type { GdbRequest, ReplyContext } from './request.ts';
export { GdbRunControl, type ResumeOptions } from './run-control.ts';
export type { GdbState, GdbStatistics } from './session.ts';
export type { StopReply } from './stop-reply.ts';
export type { RegisterDescription, RegisterLayout, RegisterValues } from './target-description/register-layout.ts';
export type { GdbThread } from './thread-id.ts';
