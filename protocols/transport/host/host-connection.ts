import * as z from 'zod/mini';
import type { ConnectOptions } from '../connect-options.ts';
import type {
  Connection,
  ConnectOnHost,
  DescriptorCarrier,
  HandedDescriptor,
  HandedFile,
  HandedStream,
  RemoteHost,
} from '../connection.ts';
import { type Endpoint, type EndpointOnHost, formatEndpoint } from '../endpoint.ts';
import { ConnectError, type ConnectErrorCode } from '../errors.ts';
import { begun } from '../waiting/begun.ts';
import type { ChannelStream } from './channel-stream.ts';
import { AgentRefusal, HostAgent } from './host-agent.ts';
import { holderOf } from './remote-process.ts';

type HostEndpoint = Extract<Endpoint, { kind: 'host' }>;

const pairSchema = z.looseObject({ kept: z.int(), inode: z.int() });
const keptSchema = z.looseObject({ kept: z.int() });

/** Linux's numbers of errors, which are the same on all its machines that have a QEMU for x86. */
const CODES: ReadonlyMap<number, ConnectErrorCode> = new Map([
  [2, 'ERR_TRANSPORT_NOT_FOUND'],
  [11, 'ERR_TRANSPORT_BACKLOG'],
  [13, 'ERR_TRANSPORT_ACCESS'],
  [110, 'ERR_TRANSPORT_TIMEOUT'],
  [111, 'ERR_TRANSPORT_REFUSED'],
]);

/** A file that QEMU writes into is made beforehand, so that its descriptor is known at once. */
interface FileThere {
  readonly kept: number;
}

/**
 * Connects to a socket of another host, through a helper that the user's command starts there. A unix socket also carries descriptors:
 * what QEMU is handed are ends of that host.
 *
 * @internal
 */
export async function connectOnHost(target: HostEndpoint, options: ConnectOptions): Promise<Connection> {
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
    const stream = await host.open(target.target, { timeoutMs });
    const file = target.target.kind === 'unix' ? await makeFile(agent) : undefined;
    return new HostConnection(endpoint, host, stream, { isOwner: true, ...(file && { file }) }, target.target.kind);
  } catch (error) {
    await agent.close();
    throw error;
  }
}

async function makeFile(agent: HostAgent): Promise<FileThere | undefined> {
  try {
    return keptSchema.parse(await agent.ask('file'));
  } catch (error) {
    // There is no folder for it: the device state is unavailable, and no more.
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
    const stream = await this.open(target, options);
    return new HostConnection(this.#endpointOf(target), this, stream, { isOwner: false }, 'tcp');
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
    { channel, stream }: OpenedStream,
    { isOwner, file }: { readonly isOwner: boolean; readonly file?: FileThere },
    kind: EndpointOnHost['kind'],
  ) {
    this.endpoint = endpoint;
    this.host = host;
    this.stream = stream;
    this.#agent = host.agent;
    this.#isOwner = isOwner;
    const { agent } = host;
    this.carrier =
      kind === 'unix'
        ? {
            makeStream: () => makePair(agent, endpoint, host),
            makeFile: () => fileOn(agent, file),
            send: (text, { number }) => agent.tell('hand', { channel, text, kept: number }),
          }
        : undefined;
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

async function makePair(agent: HostAgent, endpoint: string, host: AgentHost): Promise<HandedStream> {
  const { channel, stream } = agent.makeStream();
  const { kept, inode } = pairSchema.parse(await agent.ask('pair', { channel }));
  const name = `${endpoint} (GDB stub)`;
  return {
    connection: new HostConnection(name, host, { channel, stream }, { isOwner: false }, 'tcp'),
    descriptor: { number: kept },
    findHolder: () => holderOf(agent, inode),
  };
}

function fileOn(agent: HostAgent, file: FileThere | undefined): HandedFile {
  if (file === undefined) throw new Error('no file can be made in the temporary folder of that host');
  const descriptor: HandedDescriptor = { number: file.kept };
  return {
    descriptor,
    take: async (maxBytes) => (await agent.ask('take', { kept: file.kept, most: maxBytes }, maxBytes)).data,
    close: () => {},
  };
}
