import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTlsSocket, type TLSSocket } from 'node:tls';
import type { ConnectOptions } from '../connect-options.ts';
import type { ConnectedSocket, Connection } from '../connection.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { ConnectError } from '../errors.ts';
import { describeConnectFailure } from '../socket/connect-failure.ts';
import { timerMs } from '../waiting/timer-ms.ts';
import { describeTlsFailure, explainBrokenHandshake, explainSuddenEnd } from './tls-failure.ts';
import { readTlsFiles, type TlsCredentials } from './tls-files.ts';

type TlsEndpoint = Extract<Endpoint, { kind: 'tls' }>;

const CLOSE_GRACE_MS = 250;

/** Connects to a TCP socket on which QEMU speaks TLS (`tls-creds=` of a character device). @internal */
export async function connectTls(target: TlsEndpoint, { timeoutMs, signal }: ConnectOptions): Promise<Connection> {
  const endpoint = formatEndpoint(target);
  const abandoned = (): ConnectError =>
    new ConnectError('ERR_TRANSPORT_ABORTED', endpoint, 'the attempt was abandoned', { cause: signal?.reason });
  if (signal?.aborted) throw abandoned();
  const credentials = credentialsOf(target, endpoint);
  return new Promise((resolve, reject) => {
    const socket = connectTlsSocket(optionsOf(target, credentials));
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('end', onEnd).off('secureConnect', onSecure);
    };
    const fail = (error: ConnectError): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(failureOf(error, target, endpoint, credentials));
    const onEnd = (): void =>
      fail(new ConnectError('ERR_TRANSPORT_TLS', endpoint, explainBrokenHandshake(credentials)));
    const onAbort = (): void => fail(abandoned());
    const onSecure = (): void => {
      settle();
      resolve(new TlsConnection(endpoint, socket, credentials));
    };
    const timer = setTimeout(
      () =>
        fail(
          new ConnectError(
            'ERR_TRANSPORT_TIMEOUT',
            endpoint,
            `no TLS within ${timeoutMs} ms; does the server speak it?`,
          ),
        ),
      timerMs(timeoutMs),
    );
    socket.setNoDelay(true);
    socket.on('error', onError).on('end', onEnd).on('secureConnect', onSecure);
    signal?.addEventListener('abort', onAbort);
  });
}

function credentialsOf(target: TlsEndpoint, endpoint: string): TlsCredentials {
  try {
    return readTlsFiles(target);
  } catch (error) {
    throw new ConnectError('ERR_TRANSPORT_TLS', endpoint, (error as Error).message, { cause: error });
  }
}

function optionsOf({ host, port, servername }: TlsEndpoint, { ca, cert, key, psk }: TlsCredentials): ConnectionOptions {
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    host,
    port,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(name === undefined ? {} : { servername: name }),
    ...(psk === undefined
      ? {}
      : {
          pskCallback: () => ({ identity: psk.identity, psk: psk.key }),
          // Who has the key is who is meant; a server may prefer a certificate all the same, and that has to bear the name.
          checkServerIdentity: (asked, certificate) =>
            Object.keys(certificate).length === 0 ? undefined : checkServerIdentity(asked, certificate),
        }),
  };
}

function failureOf(error: Error, target: TlsEndpoint, endpoint: string, credentials: TlsCredentials): ConnectError {
  const problem = describeTlsFailure(error);
  if (problem !== undefined) return new ConnectError('ERR_TRANSPORT_TLS', endpoint, problem, { cause: error });
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') {
    const words = explainBrokenHandshake(credentials);
    return new ConnectError('ERR_TRANSPORT_TLS', endpoint, words, { cause: error });
  }
  const { code, message, cause } = describeConnectFailure(error, { ...target, kind: 'tcp' });
  return new ConnectError(code, endpoint, message.slice(message.indexOf(': ') + 2), { cause });
}

class TlsConnection implements Connection {
  readonly endpoint: string;
  readonly stream: TLSSocket;
  readonly socket: ConnectedSocket;
  readonly #credentials: TlsCredentials;
  readonly #gone: Promise<void>;
  #explanation = '';
  #hasReceived = false;
  #isClosing = false;

  constructor(endpoint: string, socket: TLSSocket, credentials: TlsCredentials) {
    this.endpoint = endpoint;
    this.stream = socket;
    this.#credentials = credentials;
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
    this.socket = {
      kind: 'tcp',
      local: { address: localAddress, port: localPort },
      remote: { address: remoteAddress, port: remotePort },
    };
    socket.on('error', (error) => {
      this.#explanation = describeTlsFailure(error) ?? error.message;
    });
    socket.on('data', () => {
      this.#hasReceived = true;
    });
    this.#gone = new Promise((resolve) => socket.once('close', () => resolve()));
    // The client of the protocol listens a turn later.
    socket.pause();
    queueMicrotask(() => socket.resume());
  }

  explainEnd(): string {
    if (this.#explanation !== '' || this.#hasReceived || this.#isClosing) return this.#explanation;
    return this.stream.readableEnded || this.stream.destroyed ? explainSuddenEnd(this.#credentials) : '';
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.stream.end();
    this.stream.resume();
    const timer = setTimeout(() => this.stream.destroy(), CLOSE_GRACE_MS);
    await this.#gone;
    clearTimeout(timer);
  }
}
