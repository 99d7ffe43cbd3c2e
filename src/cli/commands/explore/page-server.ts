import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { SymbolPlace } from '../../../linux/index.ts';
import { contentSecurityPolicy, encodePlainData, makePage } from '../../../picture/internal.ts';
import { PortError } from '../../errors.ts';
import type { PageFiles } from '../../picture/page-files.ts';

/** @internal */
export interface FoundSymbols {
  readonly symbols: readonly { readonly name: string; readonly address: string }[];
  /** There are more. */
  readonly more: boolean;
  /** Symbols of modules were looked through as well. */
  readonly hasModules: boolean;
}

/** What is served besides the page: moments, compressed. @internal */
export interface ServedMoments {
  /** Moments that are there already. */
  readonly count: number;
  /** A guest that runs can be looked at again. */
  readonly live: boolean;
  moment(at: number): Promise<Uint8Array>;
  /** A new one. */
  take(): Promise<Uint8Array>;
  /** Symbols of the guest's Linux; null where it was not asked for names. */
  readonly symbols: ((name: string) => FoundSymbols) | null;
  /** The symbol that an address lies in, of what is known already; null for none. */
  placeOf(address: bigint): SymbolPlace | null;
  /** An error in words, for the page. */
  describe(error: unknown): Promise<string>;
}

const HOST = '127.0.0.1';
const TOKEN_BYTES = 24;
/** One browser has a few connections; who opens more waits. */
const MOST_CONNECTIONS = 32;
const MOST_HEADER_BYTES = 16_384;
/** A request has no body, and its headers are short. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How late a time-out may be noticed: until then who is slow keeps a connection from others. */
const CHECKING_INTERVAL_MS = 2000;
const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';
const JSON_TEXT = 'application/json';
const BYTES = 'application/octet-stream';

/** An answer that is no page. */
class Refusal {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    this.status = status;
    this.text = text;
  }
}

/**
 * Serves a page on the loopback interface to who knows the token in its address. The page of another origin cannot ask: it does not know
 * the token, its `Origin` and `Sec-Fetch-Site` give it away, and a name of its own that leads here (DNS rebinding) is in `Host`.
 *
 * @internal
 */
export class PageServer {
  readonly #server: Server;
  readonly #token = randomBytes(TOKEN_BYTES).toString('base64url');
  readonly #page: string;
  readonly #policy: string;
  #moments: ServedMoments | undefined;
  #origin = '';

  constructor(files: PageFiles) {
    this.#page = makePage({ ...files, moments: [], symbols: null });
    this.#policy = contentSecurityPolicy(files, true);
    const limits = {
      maxHeaderSize: MOST_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECKING_INTERVAL_MS,
    };
    this.#server = createServer(limits, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /**
   * Nothing is served yet.
   *
   * @returns the address of the page, with the token
   * @throws {@link PortError} `ERR_CLI_PORT` where the port is taken, or is not for this user
   */
  async listen(port: number): Promise<string> {
    this.#server.listen({ host: HOST, port });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw new PortError(HOST, port, error);
    }
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a server on a port has a port');
    this.#origin = `http://${HOST}:${address.port}`;
    return `${this.#origin}/${this.#token}/`;
  }

  serve(moments: ServedMoments): void {
    this.#moments = moments;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The browser may leave in the middle.
    response.on('error', () => {});
    try {
      const { type, body } = await this.#answer(request);
      this.#send(response, 200, type, body);
    } catch (error) {
      const { status, text } = error instanceof Refusal ? error : new Refusal(502, await this.#describe(error));
      this.#send(response, status, TEXT, text);
    }
  }

  async #describe(error: unknown): Promise<string> {
    return (await this.#moments?.describe(error)) ?? String(error);
  }

  async #answer(request: IncomingMessage): Promise<{ readonly type: string; readonly body: string | Uint8Array }> {
    const path = this.#pathOf(request);
    const { method } = request;
    if (method === 'GET' && path === '') return { type: HTML, body: this.#page };
    const moments = this.#moments;
    if (moments === undefined) throw new Refusal(503, 'the first moment is not taken yet\n');
    const { count, live } = moments;
    if (method === 'GET' && path === 'about')
      return { type: JSON_TEXT, body: JSON.stringify({ moments: count, live, symbols: moments.symbols !== null }) };
    const [, number] = /^moments\/([0-9]{1,4})$/.exec(path) ?? [];
    if (method === 'GET' && number !== undefined && Number(number) < count) {
      return { type: BYTES, body: await moments.moment(Number(number)) };
    }
    const [, encoded] = /^symbols\/([^/]{1,1024})$/.exec(path) ?? [];
    if (method === 'GET' && encoded !== undefined && moments.symbols !== null) {
      return { type: JSON_TEXT, body: JSON.stringify(moments.symbols(decodeName(encoded))) };
    }
    const [, address] = /^places\/(0x[0-9a-f]{1,16})$/.exec(path) ?? [];
    if (method === 'GET' && address !== undefined) {
      return { type: JSON_TEXT, body: encodePlainData(moments.placeOf(BigInt(address))) };
    }
    if (method === 'POST' && path === 'moments' && live) return { type: BYTES, body: await moments.take() };
    throw new Refusal(404, 'there is nothing here\n');
  }

  /** What is asked for, behind the token. @throws Refusal for who is not to be answered. */
  #pathOf({ url = '', headers }: IncomingMessage): string {
    const { host, origin } = headers;
    if (host === undefined || `http://${host}` !== this.#origin) {
      throw new Refusal(403, `this server answers to ${this.#origin} alone\n`);
    }
    if (origin !== undefined && origin !== this.#origin)
      throw new Refusal(403, 'pages of other origins get no answer\n');
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw new Refusal(403, 'pages of other origins get no answer\n');
    }
    if (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined) {
      throw new Refusal(413, 'requests have no body here\n');
    }
    const [, token = '', path = ''] = /^\/([^/?#]*)\/([^?#]*)$/.exec(url) ?? [];
    if (!isSame(token, this.#token))
      throw new Refusal(403, 'the address lacks the token that pagewalk explore has printed\n');
    return path;
  }

  #send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length,
      'Content-Security-Policy': this.#policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store',
      // What was sent with the request and is not read must not be taken for the next one.
      ...(status === 413 ? { Connection: 'close' } : {}),
    });
    response.end(body);
  }
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new Refusal(404, 'this is no name\n');
  }
}

/** In a time that says nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
