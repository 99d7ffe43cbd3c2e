import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import type { ConnectOptions } from '../connect-options.ts';
import type { ConnectedSocket, Connection } from '../connection.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { ConnectError } from '../errors.ts';
import { type HeldSocketFile, holdSocketFile } from '../files/socket-file.ts';
import { timerMs } from '../waiting/timer-ms.ts';
import { describeConnectFailure } from './connect-failure.ts';

/** How long a peer may take to answer the end of the stream with its own before the socket is simply dropped. */
const CLOSE_GRACE_MS = 250;

/** Connects to a unix or TCP socket. @internal */
export function connectSocket(
  target: Extract<Endpoint, { kind: 'unix' | 'tcp' }>,
  { timeoutMs, signal, openSocket }: ConnectOptions,
): Promise<Connection> {
  const endpoint = formatEndpoint(target);
  const abandoned = () =>
    new ConnectError('ERR_TRANSPORT_ABORTED', endpoint, 'the attempt was abandoned', { cause: signal?.reason });
  // Not even tried: a GDB stub pauses its guest for a client that is gone before it said a word.
  if (signal?.aborted) return Promise.reject(abandoned());
  return new Promise((resolve, reject) => {
    const file = target.kind === 'unix' ? holdFile(target, openSocket) : undefined;
    const fail = (error: ConnectError): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      file?.release();
      reject(error);
    };
    const onError = (error: Error): void => fail(describeConnectFailure(error, target));
    const onAbort = (): void => fail(abandoned());
    const onTimeout = (): void =>
      fail(new ConnectError('ERR_TRANSPORT_TIMEOUT', endpoint, `no answer within ${timeoutMs} ms`));
    const onConnect = (): void => {
      settle();
      resolve(new SocketConnection(endpoint, socket, target.kind, file));
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('connect', onConnect);
    };

    const socket = createConnection(socketOptions(target, timeoutMs, file));
    const timer = setTimeout(onTimeout, timerMs(timeoutMs));
    socket.on('error', onError).on('connect', onConnect);
    signal?.addEventListener('abort', onAbort);
  });
}

/** @throws ConnectError when there is no such file. */
function holdFile(
  target: Extract<Endpoint, { kind: 'unix' }>,
  openSocket: ConnectOptions['openSocket'],
): HeldSocketFile | undefined {
  try {
    return holdSocketFile(target.path, openSocket);
  } catch (error) {
    throw describeConnectFailure(error as Error, target);
  }
}

function socketOptions(
  target: Extract<Endpoint, { kind: 'unix' | 'tcp' }>,
  timeoutMs: number,
  file: HeldSocketFile | undefined,
): NetConnectOpts {
  if (target.kind === 'unix') return { path: file?.path ?? target.path };
  return {
    host: target.host,
    port: target.port,
    // Both protocols are small requests that wait for small replies: Nagle's algorithm costs 40 ms for each.
    noDelay: true,
    // Node drops an attempt after 250 ms to try the host's next address. To a GDB stub the dropped one is a client all the
    // same, and pauses the guest; so the next address is tried early only if the first one refuses.
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(timerMs(timeoutMs) / 2)),
  };
}

class SocketConnection implements Connection {
  readonly endpoint: string;
  readonly stream: Socket;
  readonly socket: ConnectedSocket;
  readonly #gone: Promise<void>;
  #explanation = '';

  constructor(endpoint: string, socket: Socket, kind: 'unix' | 'tcp', file: HeldSocketFile | undefined) {
    this.endpoint = endpoint;
    this.stream = socket;
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
    this.socket =
      kind === 'unix'
        ? { kind, file }
        : {
            kind,
            local: { address: localAddress, port: localPort },
            remote: { address: remoteAddress, port: remotePort },
          };
    // Listening from the first moment on: an error event without a listener would end the whole program.
    socket.on('error', (error) => {
      this.#explanation = error.message;
    });
    this.#gone = new Promise((resolve) => {
      socket.once('close', () => {
        file?.release();
        resolve();
      });
    });
  }

  explainEnd(): string {
    return this.#explanation;
  }

  async close(): Promise<void> {
    // What was written still leaves; what arrives from now on is thrown away, or the end behind it would never be seen.
    this.stream.end();
    this.stream.resume();
    const timer = setTimeout(() => this.stream.destroy(), CLOSE_GRACE_MS);
    await this.#gone;
    clearTimeout(timer);
  }
}
