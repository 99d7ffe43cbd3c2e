/** @internal */
export { lookAtHost } from './connect.ts';
/** @internal */
export { connectSame } from './connect-same.ts';
/** @internal */
export type {
  DescriptorCarrier,
  HandedDescriptor,
  HandedFile,
  HandedStream,
  HostFiles,
  RemoteHost,
  RemotePiece,
  RemoteProcess,
  ShownPath,
} from './connection.ts';
/** @internal */
export { duplexOf, letEnd } from './duplex-of.ts';
/** @internal */
export { hostAndPortOf, onItsHost } from './endpoint.ts';
/** @internal */
export { findBoundSocket, identifySocket, identityOfFile, type SocketIdentity } from './files/bound-socket.ts';
/** @internal */
export { makeNamelessPipe, type NamelessPipe } from './files/nameless-pipe.ts';
/** @internal */
export { randomBytes, randomDigits } from './files/random-bytes.ts';
/** @internal */
export { O_PATH } from './files/socket-file.ts';
export * from './index.ts';
/** @internal */
export { SYSTEM_URI as LIBVIRT_SYSTEM_URI, uriOf as libvirtUriOf } from './libvirt/libvirt-uri.ts';
/** @internal */
export { UNDELIVERED } from './libvirt/undelivered.ts';
/** @internal */
export { escapeLines, escapeUnprintable, formatPrintable, printableText } from './printable-text.ts';
/** @internal */
export { expectSocketFile } from './socket/expect-socket-file.ts';
/** @internal */
export { nowMs } from './waiting/now-ms.ts';
/** @internal */
export { LONGEST_TIMER_MS, timerMs } from './waiting/timer-ms.ts';
