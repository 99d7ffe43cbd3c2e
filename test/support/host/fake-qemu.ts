import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import split2 from 'split2';
import { duplexOf } from '../../../protocols/transport/internal.ts';
import { FakeGdbStub } from '../fakes/fake-gdb-stub.ts';
import { GREETING } from '../fakes/fake-qmp-server.ts';
import { portOf } from './open-sockets.ts';

/** What it does with a command instead of answering: refuses it, says nothing, or ends the connection. */
export type OddAnswer = 'refused' | 'silent' | 'hang-up';

const hex = (text: string): string => Buffer.from(text).toString('hex');

/** A monitor and a stub on socket files, with as much behind them as there is to be put back in a guest. */
export class FakeQemu implements AsyncDisposable {
  readonly qmp: string;
  readonly stub: string;
  /** What the monitor was told, in order: `stop`, `hmp gdbserver none`, `chardev-remove ID`. */
  readonly commands: string[] = [];
  /** What the stub was told, handshakes left out. */
  readonly requests: string[] = [];
  status = 'paused';
  version = '7.2.22';
  registers = 'CPU#0\nRAX=1\n\nCPU#1\nRAX=2\n';
  /** Besides the stub's. */
  chardevs: { label: string; filename: string }[] = [];
  isStubBusy = false;
  /** How the stub serves who connects. */
  stubWay: 'serves' | 'silent' | 'hangs-up' = 'serves';
  /** The stub is one that our client has started, and is there until it is told not to be. */
  hasStub = true;
  greets = true;
  monitorConnections = 0;
  stubConnections = 0;
  /** Whose clients have not left yet. */
  readonly open = { monitor: 0, stub: 0 };
  /** Comes before what is answered else; also a place to change what is to be seen from then on. */
  onCommand: (command: string) => OddAnswer | { readonly return: unknown } | undefined = () => undefined;
  /** A place to change what is to be seen, when a client has come to the monitor, and when the stub is told a line of the monitor's. */
  onClient: () => void = () => {};
  onLine: (line: string) => void = () => {};
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(qmp: string, stub: string) {
    this.qmp = `unix:${qmp}`;
    this.stub = `unix:${stub}`;
  }

  /** @param folder - in which its sockets are `qmp` and `gdb` */
  static async start(folder: string): Promise<FakeQemu> {
    const [qmp, stub] = [`${folder}/qmp`, `${folder}/gdb`];
    const qemu = new FakeQemu(qmp, stub);
    await qemu.#listen(qmp, (socket) => qemu.#serveMonitor(socket));
    await qemu.#listen(stub, (socket) => qemu.#serveStub(socket));
    return qemu;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => {
        server.close();
        await once(server, 'close');
      }),
    );
  }

  /** The same monitor at a port: over TCP no descriptor is handed. */
  async listenAtPort(): Promise<string> {
    const server = await this.#listen(0, (socket) => this.#serveMonitor(socket));
    return `tcp:127.0.0.1:${portOf(server)}`;
  }

  async #listen(at: string | number, serve: (socket: Socket) => void): Promise<Server> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      serve(socket);
    });
    if (typeof at === 'string') server.listen(at);
    else server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    this.#servers.push(server);
    return server;
  }

  #count(socket: Socket, of: 'monitor' | 'stub'): void {
    this.open[of] += 1;
    socket.once('end', () => {
      this.open[of] -= 1;
    });
  }

  #serveMonitor(socket: Socket): void {
    this.monitorConnections += 1;
    this.#count(socket, 'monitor');
    this.onClient();
    if (this.greets) socket.write(`${GREETING}\r\n`);
    socket.pipe(split2()).on('data', (line: string) => this.#answer(socket, JSON.parse(line)));
  }

  #answer(socket: Socket, request: { execute: string; arguments?: Record<string, unknown>; id: number }): void {
    const { execute, arguments: given = {}, id } = request;
    if (execute === 'qmp_capabilities') {
      this.#reply(socket, id, {});
      return;
    }
    const command =
      execute === 'human-monitor-command'
        ? `hmp ${String(given['command-line'])}`
        : [
            execute,
            ...Object.values(given).map((value) => (typeof value === 'string' ? value : JSON.stringify(value))),
          ].join(' ');
    this.commands.push(command);
    const odd = this.onCommand(command);
    if (odd === 'silent') return;
    if (odd === 'hang-up') socket.destroy();
    else if (odd === 'refused') this.#say(socket, { id, error: { class: 'GenericError', desc: 'no' } });
    else this.#reply(socket, id, odd === undefined ? this.#ordinary(command) : odd.return);
  }

  #ordinary(command: string): unknown {
    switch (command) {
      case 'query-status':
        return { status: this.status, running: this.status === 'running' };
      case 'stop':
        if (this.status === 'running') this.status = 'paused';
        return {};
      case 'cont':
        this.status = 'running';
        return {};
      case 'query-chardev':
        return [...this.chardevs, ...this.#stubDevice()].map((device) => ({ ...device, 'frontend-open': true }));
      case 'query-cpus-fast':
      case 'query-fdsets':
        return [];
      default:
        return command.startsWith('hmp ') ? this.#monitorText(command.slice(4)) : {};
    }
  }

  #stubDevice(): { label: string; filename: string }[] {
    if (!this.hasStub) return [];
    return [{ label: 'gdb', filename: `${this.isStubBusy ? '' : 'disconnected:'}${this.stub},server=on` }];
  }

  #monitorText(line: string): string {
    switch (line) {
      case 'info registers -a':
        return this.registers;
      case 'info status':
        if (this.status === 'running' || this.status === 'paused') return `VM status: ${this.status}\r\n`;
        return `VM status: paused (${this.status})\r\n`;
      case 'info version':
        return `${this.version}\r\n`;
      case 'cont':
        this.status = 'running';
        return '';
      case 'gdbserver none':
        this.hasStub = false;
        return '';
      default:
        return '';
    }
  }

  #reply(socket: Socket, id: number, value: unknown): void {
    this.#say(socket, { return: value, id });
  }

  #say(socket: Socket, message: unknown): void {
    socket.write(`${JSON.stringify(message)}\r\n`);
  }

  #serveStub(socket: Socket): void {
    this.stubConnections += 1;
    this.#count(socket, 'stub');
    if (this.stubWay === 'silent') return;
    if (this.stubWay === 'hangs-up') {
      socket.destroy();
      return;
    }
    const stub = new FakeGdbStub({
      answer: (payload) => {
        const digits = /^qRcmd,([0-9a-f]+)$/.exec(payload)?.[1];
        const line = Buffer.from(digits ?? '', 'hex').toString();
        if (!/^q(?:Supported|qemu\.Supported)/.test(payload)) this.requests.push(digits === undefined ? payload : line);
        if (digits === undefined) return 'default';
        this.onLine(line);
        const text = this.#monitorText(line);
        return text === '' ? ['OK'] : [`O${hex(text)}`, 'OK'];
      },
    });
    const wasRunning = this.status === 'running';
    if (wasRunning) this.status = 'paused';
    // As QEMU up to 8.0 greets whose connection it was that paused the guest.
    if (wasRunning && this.version.startsWith('7.')) stub.send('$T02thread:01;#04');
    const stream = duplexOf(stub.connection);
    socket.pipe(stream).pipe(socket);
    stream.on('error', () => {});
  }
}
