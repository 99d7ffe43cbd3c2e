import type { ConnectOptions } from '../connect-options.ts';
import type { Connection, DescriptorCarrier, HandedDescriptor, HandedStream } from '../connection.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { ConnectError } from '../errors.ts';
import { FIRST_EXTRA_DESCRIPTOR } from '../exec/guarded-command.ts';
import { quoteWord } from '../exec/quote-word.ts';
import { makeNamelessFile, type NamelessFile } from '../files/nameless-file.ts';
import { handedFile } from '../handing/handed-file.ts';
import { handedStream } from '../handing/handed-stream.ts';
import { escapeUnit } from '../printable-text.ts';
import { begun } from '../waiting/begun.ts';
import { DomainEvents } from './domain-events.ts';
import { uriOf } from './libvirt-uri.ts';
import { MonitorStream } from './monitor-stream.ts';
import { VirshShell } from './virsh-shell.ts';

type LibvirtEndpoint = Extract<Endpoint, { kind: 'libvirt' }>;

/** What virsh says of a domain that does not run any more: nothing that comes later would go better. */
const GONE =
  /domain is not running|failed to get domain|no domain with matching|Domain not found|failed to (?:re)?connect/;

/** A shell, and what it carries: one end of a connection, and the file. */
interface Carrier {
  readonly shell: VirshShell;
  readonly stream: HandedStream;
}

const STREAM_DESCRIPTOR = FIRST_EXTRA_DESCRIPTOR;
const FILE_DESCRIPTOR = FIRST_EXTRA_DESCRIPTOR + 1;

/**
 * Reaches the monitor of a libvirt domain: each message becomes a command of virsh, whose shell also has the descriptors that are handed
 * over; a second virsh tells of events. What libvirt shows is a monitor that was greeted long ago; the greeting is made up.
 *
 * @internal
 */
export async function connectLibvirt(target: LibvirtEndpoint, options: ConnectOptions): Promise<Connection> {
  const { timeoutMs, signal } = options;
  const endpoint = formatEndpoint(target);
  const fail = (problem: string, code: 'LIBVIRT' | 'TIMEOUT' | 'ABORTED' = 'LIBVIRT', cause?: unknown): ConnectError =>
    new ConnectError(`ERR_TRANSPORT_${code}`, endpoint, problem, cause === undefined ? undefined : { cause });
  if (signal?.aborted) throw fail('the attempt was abandoned', 'ABORTED', signal.reason);
  const connection = startOrFail(endpoint, target, fail);
  return begun(connection, connection.begin(), options, {
    late: () => fail(`no answer from libvirt within ${timeoutMs} ms`, 'TIMEOUT'),
    abandoned: () => fail('the attempt was abandoned', 'ABORTED', signal?.reason),
    failed: (error) => (error instanceof ConnectError ? error : fail(problemOf(error))),
  });
}

function startOrFail(
  endpoint: string,
  target: LibvirtEndpoint,
  fail: (problem: string, code: 'LIBVIRT', cause: unknown) => ConnectError,
): LibvirtConnection {
  try {
    return LibvirtConnection.start(endpoint, target);
  } catch (error) {
    throw error instanceof ConnectError ? error : fail((error as Error).message, 'LIBVIRT', error);
  }
}

function problemOf({ message }: Error): string {
  if (/failed to get domain|Domain not found/.test(message))
    return `${message}; "virsh list" shows the domains that run`;
  if (/Permission denied|authentication/i.test(message)) {
    return `${message}; be root, or a member of the group that libvirt's socket belongs to (libvirt)`;
  }
  return message;
}

class LibvirtConnection implements Connection {
  readonly endpoint: string;
  readonly stream: MonitorStream;
  readonly areEventsLate = true;
  readonly carrier: DescriptorCarrier;
  readonly #uri: string;
  readonly #domain: string;
  readonly #main: Carrier;
  readonly #others = new Map<HandedStream['handed'], VirshShell>();
  readonly #events: DomainEvents;
  readonly #file: NamelessFile | undefined;
  #isStreamGiven = false;
  #explanation = '';
  #closing: Promise<void> | undefined;

  private constructor(endpoint: string, target: LibvirtEndpoint, main: Carrier, file: NamelessFile | undefined) {
    this.endpoint = endpoint;
    this.#uri = uriOf(target);
    this.#domain = target.domain;
    this.#file = file;
    this.#main = main;
    this.stream = new MonitorStream((request, descriptor) => this.#ask(request, descriptor));
    this.stream.on('error', () => {});
    this.#events = new DomainEvents(this.#uri, this.#domain, (text) => this.stream.deliver(text));
    void this.#main.shell.ended.then((why) => this.#end(why));
    this.carrier = {
      makeStream: () => this.#makeStream(),
      makeFile: () => handedFile(this.#file, FILE_DESCRIPTOR),
      send: (text, descriptor) => this.stream.request(text, descriptor),
    };
  }

  /** @throws ConnectError, or the system's error, with nothing left open */
  static start(endpoint: string, target: LibvirtEndpoint): LibvirtConnection {
    const file = makeNamelessFile();
    let main: Carrier | undefined;
    try {
      main = startCarrier(endpoint, uriOf(target), file === undefined ? [] : [file.writer]);
      return new LibvirtConnection(endpoint, target, main, file);
    } catch (error) {
      file?.close();
      void main?.shell.close();
      throw error;
    }
  }

  /** Waits until libvirt has answered, and greets. @throws Error in virsh's words */
  async begin(): Promise<void> {
    const reply = await this.#ask({ execute: 'query-version' }, undefined);
    const { return: version } = JSON.parse(reply) as { readonly return?: unknown };
    if (typeof version !== 'object' || version === null)
      throw new Error(`QEMU does not say its version: ${reply.slice(0, 200)}`);
    this.stream.deliver(JSON.stringify({ QMP: { version, capabilities: ['oob'] } }));
  }

  explainEnd(): string {
    return this.#explanation;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stream.finish();
    this.stream.resume();
    this.#file?.close();
    const shells = [this.#main.shell, ...this.#others.values()];
    await Promise.all([this.#events.close(), ...shells.map((shell) => shell.close())]);
    this.stream.destroy();
  }

  #end(why: string): void {
    this.#explanation ||= why;
    this.stream.finish();
  }

  async #ask(request: Readonly<Record<string, unknown>>, descriptor: HandedDescriptor | undefined): Promise<string> {
    const shell = (descriptor && this.#others.get(descriptor)) ?? this.#main.shell;
    const passed = descriptor === undefined ? '' : `--pass-fds ${descriptor.number} `;
    const text = quoteWord(asciiOf(JSON.stringify(request)));
    const domain = quoteWord(this.#domain);
    const { reply, complaint } = await shell.run(`qemu-monitor-command ${passed}--domain ${domain} -- ${text}`);
    if (reply !== undefined) return reply;
    const problem = complaint === '' ? 'virsh gave no answer' : complaint;
    if (GONE.test(problem)) this.#end(problem);
    throw new Error(problem);
  }

  /** A shell hands over what it was started with: it has one connection, and each further one takes a shell of its own. */
  async #makeStream(): Promise<HandedStream> {
    const isFirst = !this.#isStreamGiven;
    this.#isStreamGiven = true;
    if (isFirst) return this.#main.stream;
    const { shell, stream } = startCarrier(this.endpoint, this.#uri, []);
    this.#others.set(stream.handed, shell);
    return stream;
  }
}

function startCarrier(endpoint: string, uri: string, files: readonly number[]): Carrier {
  const shell = new VirshShell(uri, ['pipe', ...files]);
  const stream = handedStream(endpoint, shell.child, STREAM_DESCRIPTOR);
  if (stream !== undefined) return { shell, stream };
  void shell.close();
  throw new ConnectError('ERR_TRANSPORT_SPAWN', endpoint, 'virsh did not start');
}

/** Readline, which reads the lines of virsh's shell, is told nothing that is not ASCII. A quote would end the word. */
function asciiOf(json: string): string {
  return json.replace(/[^\x20-\x26\x28-\x7e]/g, (unit) => escapeUnit(unit.charCodeAt(0)));
}
