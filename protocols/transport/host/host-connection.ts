import * as z from 'zod/mini';
import type { ConnectOptions } from '../connect-options.ts';
import type {
  Connection,
  ConnectOnHost,
  DescriptorCarrier,
  HandedFile,
  HandedStream,
  RemoteHost,
} from '../connection.ts';
import { type Endpoint, type EndpointOnHost, formatEndpoint } from '../endpoint.ts';
import { ConnectError, type ConnectErrorCode } from '../errors.ts';
import { begun } from '../waiting/begun.ts';
import type { ChannelStream } from './channel-stream.ts';
import { AgentRefusal, HostAgent } from './host-agent.ts';
import { arrivedAt, holderOf } from './remote-process.ts';

type HostEndpoint = Extract<Endpoint, { kind: 'host' }>;
/** What is connected to from this host, while the helper is on the one behind it. */
type EndpointFromHere = Exclude<HostEndpoint['target'], EndpointOnHost>;

const pairSchema = z.looseObject({ kept: z.int(), inode: z.int() });
const keptSchema = z.looseObject({ kept: z.int() });
const listeningSchema = z.looseObject({
  kept: z.int(),
  path: z.string(),
  file: z.optional(z.int()),
  filePath: z.optional(z.string()),
});

/** Linux's numbers of errors, which are the same on all its machines that have a QEMU for x86. */
const CODES: ReadonlyMap<number, ConnectErrorCode> = new Map([
  [2, 'ERR_TRANSPORT_NOT_FOUND'],
  [11, 'ERR_TRANSPORT_BACKLOG'],
  [13, 'ERR_TRANSPORT_ACCESS'],
  [110, 'ERR_TRANSPORT_TIMEOUT'],
  [111, 'ERR_TRANSPORT_REFUSED'],
]);

const NO_FILE = 'no file can be made in the temporary folder of that host';

/**
 * Connects to a socket of another host, through a helper that the user's command starts there; or by a way of this host's to a QEMU
 * there, with the helper beside it. What QEMU is handed are ends of that host: over a unix socket as descriptors, else by paths.
 *
 * @param connectFromHere - for what is no socket of that host
 * @internal
 */
export async function connectOnHost(
  target: HostEndpoint,
  options: ConnectOptions,
  connectFromHere: (target: EndpointFromHere, options: ConnectOptions) => Promise<Connection>,
): Promise<Connection> {
  const { timeoutMs, signal } = options;
  const endpoint = formatEndpoint(target);
  const fail = (code: ConnectErrorCode, problem: string, cause?: unknown): ConnectError =>
    new ConnectError(code, endpoint, problem, cause === undefined ? undefined : { cause });
  if (signal?.aborted) throw fail('ERR_TRANSPORT_ABORTED', 'the attempt was abandoned', signal.reason);
  const agent = new HostAgent(target.command);
  await begun(agent, agent.begin(), options, {
    late: () => fail('ERR_TRANSPORT_TIMEOUT', `the helper there did not answer within ${timeoutMs} ms`),
    abandoned: () => fail('ERR_TRANSPORT_ABORTED', 'the attempt was abandoned', signal?.reason),
    failed: (error) => (error instanceof ConnectError ? error : fail('ERR_TRANSPORT_HOST', error.message, error)),
  });
  try {
    const host = new AgentHost(target.command, agent);
    const { target: monitor } = target;
    if (monitor.kind !== 'unix' && monitor.kind !== 'tcp') {
      const connection = await connectFromHere(monitor, options);
      return new AccompaniedConnection(endpoint, host, connection);
    }
    const opened = await host.open(monitor, { timeoutMs });
    const carrier =
      monitor.kind === 'unix'
        ? descriptorsOf(host, endpoint, opened.channel, await makeFile(agent))
        : new ShowingCarrier(host, endpoint);
    return new HostConnection(endpoint, host, opened.stream, { isOwner: true, carrier });
  } catch (error) {
    await agent.close();
    throw error;
  }
}

/** @returns undefined where there is no folder for it: the device state is unavailable, and no more */
async function makeFile(agent: HostAgent): Promise<HandedFile | undefined> {
  try {
    const { kept } = keptSchema.parse(await agent.ask('file'));
    return fileOn(agent, kept, { number: kept });
  } catch (error) {
    if (error instanceof AgentRefusal) return undefined;
    throw error;
  }
}

/** @internal */
export interface OpenedStream {
  readonly channel: number;
  readonly stream: ChannelStream;
}

class AgentHost implements RemoteHost {
  readonly agent: HostAgent;
  readonly #command: string;

  constructor(command: string, agent: HostAgent) {
    this.#command = command;
    this.agent = agent;
  }

  /** @throws ConnectError */
  async open(target: EndpointOnHost, { timeoutMs, holder }: ConnectOnHost): Promise<OpenedStream> {
    const { channel, stream } = this.agent.makeStream();
    try {
      await this.agent.ask('connect', { channel, target, seconds: timeoutMs / 1000, holder: holder ?? null });
      return { channel, stream };
    } catch (error) {
      stream.destroy();
      const number = error instanceof AgentRefusal ? error.number : undefined;
      const code = CODES.get(number ?? 0) ?? 'ERR_TRANSPORT_HOST';
      throw new ConnectError(code, this.#endpointOf(target), (error as Error).message, { cause: error });
    }
  }

  async connect(target: EndpointOnHost, options: ConnectOnHost): Promise<Connection> {
    const { stream } = await this.open(target, options);
    return new HostConnection(this.#endpointOf(target), this, stream, { isOwner: false });
  }

  #endpointOf(target: EndpointOnHost): string {
    return formatEndpoint({ kind: 'host', command: this.#command, target });
  }
}

class HostConnection implements Connection {
  readonly endpoint: string;
  readonly stream: ChannelStream;
  readonly host: RemoteHost;
  readonly carrier: DescriptorCarrier | undefined;
  readonly #agent: HostAgent;
  readonly #isOwner: boolean;
  #closing: Promise<void> | undefined;

  constructor(
    endpoint: string,
    host: AgentHost,
    stream: ChannelStream,
    { isOwner, carrier }: { readonly isOwner: boolean; readonly carrier?: DescriptorCarrier },
  ) {
    this.endpoint = endpoint;
    this.host = host;
    this.stream = stream;
    this.#agent = host.agent;
    this.#isOwner = isOwner;
    this.carrier = carrier;
  }

  explainEnd(): string {
    return this.#agent.problem;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stream.end();
    this.stream.resume();
    if (this.#isOwner) await this.#agent.close();
    this.stream.destroy();
  }
}

/** A connection that was made from this host, to a QEMU on the helper's. */
class AccompaniedConnection implements Connection {
  readonly endpoint: string;
  readonly stream: Connection['stream'];
  readonly host: RemoteHost;
  readonly carrier: DescriptorCarrier;
  readonly #connection: Connection;
  readonly #agent: HostAgent;

  constructor(endpoint: string, host: AgentHost, connection: Connection) {
    this.endpoint = endpoint;
    this.host = host;
    this.stream = connection.stream;
    this.carrier = new ShowingCarrier(host, endpoint);
    this.#connection = connection;
    this.#agent = host.agent;
  }

  explainEnd(): string {
    return this.#connection.explainEnd();
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#agent.close()]);
  }
}

function descriptorsOf(
  host: AgentHost,
  endpoint: string,
  channel: number,
  file: HandedFile | undefined,
): DescriptorCarrier {
  const { agent } = host;
  return {
    makeStream: async () => {
      const made = agent.makeStream();
      const { kept, inode } = pairSchema.parse(await agent.ask('pair', { channel: made.channel }));
      return {
        connection: stubOver(host, endpoint, made.stream),
        handed: { number: kept },
        findHolder: () => holderOf(agent, inode),
      };
    },
    makeFile: () => required(file),
    send: (text, { number }) => agent.tell('hand', { channel, text, kept: number }),
  };
}

/** QEMU takes no descriptors over its monitor: it connects to a socket in a private folder of the helper's, and has its file there. */
class ShowingCarrier implements DescriptorCarrier {
  readonly #host: AgentHost;
  readonly #endpoint: string;
  #file: HandedFile | undefined;

  constructor(host: AgentHost, endpoint: string) {
    this.#host = host;
    this.#endpoint = endpoint;
  }

  async makeStream(findThread?: () => Promise<number | undefined>): Promise<HandedStream> {
    const { agent } = this.#host;
    const thread = (await findThread?.()) ?? null;
    const { channel, stream } = agent.makeStream();
    const asked = await agent.ask('listen', { channel, thread, file: this.#file === undefined });
    const { kept, path, file, filePath } = listeningSchema.parse(asked);
    if (file !== undefined && filePath !== undefined) this.#file = fileOn(agent, file, { path: filePath });
    return {
      connection: stubOver(this.#host, this.#endpoint, stream),
      handed: { path },
      findHolder: () => arrivedAt(agent, kept),
    };
  }

  makeFile(): HandedFile {
    return required(this.#file);
  }
}

function stubOver(host: AgentHost, endpoint: string, stream: ChannelStream): Connection {
  return new HostConnection(`${endpoint} (GDB stub)`, host, stream, { isOwner: false });
}

function fileOn(agent: HostAgent, kept: number, handed: HandedFile['handed']): HandedFile {
  return {
    handed,
    take: async (maxBytes) => (await agent.ask('take', { kept, most: maxBytes }, maxBytes)).data,
    close: () => {},
  };
}

function required(file: HandedFile | undefined): HandedFile {
  if (file === undefined) throw new Error(NO_FILE);
  return file;
}
