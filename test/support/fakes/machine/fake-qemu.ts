import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import split2 from 'split2';
import { encodePacket } from '../../../../protocols/gdb/index.ts';
import { duplexOf } from '../../../../protocols/transport/internal.ts';
import { portOf } from '../../host/open-sockets.ts';
import { FakeGdbStub } from '../fake-gdb-stub.ts';
import { readFixtureText } from '../read-fixture.ts';

/** What is not answered at all. */
export const SILENCE = Symbol('silence');

/** The monitor ends the connection instead of an answer. */
export const HANG_UP = Symbol('hang up');

/** A refusal in QEMU's words. */
export class Refusal extends Error {}

/** How a machine differs from the usual one. */
export interface FakeQemuOptions {
  /** Where its sockets are: file names without an end. */
  readonly path: string;
  /** QEMU's word for the run state. */
  readonly status?: string;
  readonly version?: readonly [major: number, minor: number, micro: number];
  /** What QEMU's package is called in the greeting. */
  readonly package?: string;
  /** It has no stub until one is started. */
  readonly hasNoStub?: boolean;
  /** Comes before the machine's own answers: a command with the values of its arguments, or `hmp` and a line. Undefined: its own. */
  readonly monitor?: (command: string, machine: FakeQemu) => unknown;
  /** The same for a packet of the stub; what its monitor is asked is `monitor` and a line. Undefined: no answer. */
  readonly stub?: (request: string, machine: FakeQemu) => readonly string[] | 'default' | undefined;
}

interface Request {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id?: number;
}

const CPU_PATH = '/machine/unattached/device[0]';
const PROPERTIES: Readonly<Record<string, unknown>> = {
  'phys-bits': 40,
  vendor: 'GenuineIntel',
  pse36: true,
  pdpe1gb: false,
};
const LAYOUT =
  'l<target><architecture>i386:x86-64</architecture><feature name="f">' +
  '<reg name="rip" bitsize="64"/><reg name="cr3" bitsize="64"/></feature></target>';

/** A text as the stub's monitor sends it. */
export const console = (text: string): readonly string[] =>
  text === '' ? ['OK'] : [`O${Buffer.from(text).toString('hex')}`, 'OK'];

/**
 * A QEMU as its monitor and its GDB stub show it, each on a unix socket: one run state, which both change, and a record of everything that
 * it was asked. It serves any number of monitors, and one debugger at a time.
 */
export class FakeQemu {
  readonly qmpEndpoint: string;
  readonly gdbEndpoint: string;
  /** What its monitors were asked. */
  readonly asked: string[] = [];
  /** What its stub was asked, with the beginning and the end of each connection. */
  readonly debugged: string[] = [];
  /** Each run state with what has brought it about. */
  readonly states: string[] = [];
  /** How many connections there have been, also those that got no answer. */
  readonly connections = { monitor: 0, stub: 0 };
  status: string;
  version: readonly [major: number, minor: number, micro: number];
  /** What is asked by the options first; a test may change it on the way. */
  onCommand: NonNullable<FakeQemuOptions['monitor']>;
  onRequest: NonNullable<FakeQemuOptions['stub']>;
  /** A client has come to the monitor: a place to change how it and the next ones are served. */
  onClient: () => void = () => {};
  /** Of the stub, for all its clients. */
  isPhysical = false;
  registers = readFixtureText('qmp/registers/long-mode.txt');
  /** Character devices beside the monitor and the stub: label and file name. */
  devices: (readonly [label: string, filename: string])[] = [];
  /** The monitor greets no one, as while it serves another client. */
  isMonitorHeld = false;
  /** The stub takes no one up: connections wait. */
  isStubHeld = false;
  /** The stub ends each connection at once. */
  isStubBroken = false;
  /** The stub shows as one that serves another client, even while no one is connected. */
  isStubBusy = false;
  /** The STOP event of the next pause, and all that follows, waits until it is let go. */
  holdsEvents = false;
  readonly #options: FakeQemuOptions;
  readonly #path: string;
  readonly #monitors = new Set<Socket>();
  readonly #waiting: Socket[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];
  readonly #heldEvents: string[] = [];
  #stubPath: string | undefined;
  #stubServer: Server | undefined;
  #debugger: Socket | undefined;
  #stub: FakeGdbStub | undefined;

  private constructor(options: FakeQemuOptions) {
    this.#options = options;
    this.#path = options.path;
    this.status = options.status ?? 'running';
    this.version = options.version ?? [7, 2, 22];
    this.onCommand = options.monitor ?? (() => undefined);
    this.onRequest = options.stub ?? (() => 'default');
    this.qmpEndpoint = `unix:${this.#path}.qmp`;
    this.gdbEndpoint = `unix:${this.#path}.gdb`;
  }

  static async start(options: FakeQemuOptions): Promise<FakeQemu> {
    const machine = new FakeQemu(options);
    await machine.#listen(`${options.path}.qmp`, (socket) => machine.#serveMonitor(socket));
    if (options.hasNoStub !== true) await machine.startStub(`${options.path}.gdb`);
    return machine;
  }

  /** Its stub, as `gdbserver` starts it. */
  async startStub(path: string): Promise<void> {
    this.#stubPath = path;
    this.#stubServer = await this.#listen(path, (socket) => this.#acceptDebugger(socket));
  }

  /** It is not there any more, as after `gdbserver none`. */
  endStub(): void {
    this.#stubPath = undefined;
    this.#stubServer?.close();
    this.#debugger?.destroy();
  }

  /** The same monitor at a port of the loopback address, where no descriptor can be handed over. */
  async listenAtPort(): Promise<string> {
    const server = await this.#listen({ port: 0, host: '127.0.0.1' }, (socket) => this.#serveMonitor(socket));
    return `tcp:127.0.0.1:${portOf(server)}`;
  }

  get isRunning(): boolean {
    return this.status === 'running';
  }

  /** How many clients its monitor has. */
  get monitors(): number {
    return this.#monitors.size;
  }

  /** A debugger is served, or waits. */
  get hasDebugger(): boolean {
    return this.#debugger !== undefined || this.#waiting.length > 0;
  }

  /** Brings it into a run state, with the event for it. */
  change(status: string, why: string): void {
    if (status === this.status) return;
    const ran = this.isRunning;
    this.status = status;
    this.states.push(`${status}: ${why}`);
    if (ran) this.tell('STOP');
    else if (this.isRunning) this.tell('RESUME');
  }

  /** Tells each monitor of an event. */
  tell(event: string): void {
    if (this.holdsEvents) this.#heldEvents.push(event);
    else for (const socket of this.#monitors) say(socket, { timestamp: { seconds: 1, microseconds: 0 }, event });
  }

  /** Tells what was held back. */
  letEventsGo(): void {
    this.holdsEvents = false;
    for (const event of this.#heldEvents.splice(0)) this.tell(event);
  }

  /** Takes up the next debugger, if one waits. */
  letStubGo(): void {
    this.isStubHeld = false;
    this.#takeUpNext();
  }

  /** The connection that the stub serves breaks. */
  dropDebugger(): void {
    this.#debugger?.destroy();
  }

  dropMonitors(): void {
    for (const socket of this.#monitors) socket.destroy();
  }

  /** Sends bytes to the debugger as they are. */
  garble(text: string): void {
    this.#stub?.send(text);
  }

  /** What was asked since the last time. */
  takeAsked(): readonly string[] {
    return this.asked.splice(0);
  }

  /** What its stub was asked beside handshakes, without where connections begin and end. */
  get requests(): readonly string[] {
    return this.debugged.filter((request) => !/^(?:open|close|qSupported|qqemu\.Supported)$/.test(request));
  }

  takeDebugged(): readonly string[] {
    return this.debugged.splice(0);
  }

  takeStates(): readonly string[] {
    return this.states.splice(0);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => {
        if (!server.listening) return;
        server.close();
        await once(server, 'close');
      }),
    );
  }

  async #listen(at: string | ListenOptions, serve: (socket: Socket) => void): Promise<Server> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      serve(socket);
    });
    this.#servers.push(server);
    server.listen(at);
    await once(server, 'listening');
    return server;
  }

  #serveMonitor(socket: Socket): void {
    this.connections.monitor += 1;
    this.onClient();
    if (this.isMonitorHeld) {
      // Its end is noticed nevertheless.
      socket.resume();
      return;
    }
    const [major, minor, micro] = this.version;
    const version = { qemu: { major, minor, micro }, package: this.#options.package ?? 'Debian' };
    say(socket, { QMP: { version, capabilities: ['oob'] } });
    for (const end of ['end', 'close']) socket.on(end, () => this.#monitors.delete(socket));
    socket.pipe(split2()).on('data', (line: string) => this.#take(socket, JSON.parse(line) as Request));
  }

  #take(socket: Socket, request: Request): void {
    if (request.execute === 'qmp_capabilities') {
      this.#monitors.add(socket);
      say(socket, { return: {}, id: request.id });
      return;
    }
    const name = nameOf(request);
    this.asked.push(name);
    const value = this.onCommand(name, this) ?? this.#answer(name, request);
    if (value === SILENCE) return;
    if (value === HANG_UP) {
      socket.destroy();
      return;
    }
    const reply =
      value instanceof Refusal ? { error: { class: 'GenericError', desc: value.message } } : { return: value };
    say(socket, { ...reply, id: request.id });
  }

  #answer(name: string, request: Request): unknown {
    switch (request.execute) {
      case 'query-status':
        return { status: this.status, running: this.isRunning };
      case 'stop':
        if (this.isRunning) this.change('paused', 'stop');
        return {};
      case 'cont':
        this.change('running', 'cont');
        return {};
      case 'query-chardev':
        return this.#chardevs().map(([label, filename]) => ({ label, filename, 'frontend-open': true }));
      case 'query-target':
        return { arch: 'x86_64' };
      case 'query-cpus-fast':
        return [{ 'cpu-index': 0, 'qom-path': CPU_PATH, 'thread-id': 4711, target: 'x86_64' }];
      case 'query-kvm':
        return { enabled: false, present: true };
      case 'query-migrate':
      case 'blockdev-set-active':
      case 'chardev-remove':
      case 'closefd':
      case 'remove-fd':
        return {};
      case 'query-fdsets':
        return [];
      case 'qom-get':
        return PROPERTIES[String(request.arguments?.['property'])] ?? new Refusal('no such property');
      case 'human-monitor-command':
        return this.#print(String(request.arguments?.['command-line']));
      default:
        return new Refusal(`The command ${name} has not been found`);
    }
  }

  #chardevs(): readonly (readonly [string, string])[] {
    const monitor = ['compat_monitor0', `unix:${this.#path}.qmp,server=on`] as const;
    if (this.#stubPath === undefined) return [monitor, ...this.devices];
    const state = this.#debugger === undefined && !this.isStubBusy ? 'disconnected:' : '';
    const stub = ['gdb', `${state}unix:${this.#stubPath},server=on`] as const;
    return [monitor, stub, ['#chr042', 'gdb'], ...this.devices];
  }

  /** What the human monitor prints, by QMP or by the stub. */
  #print(line: string): string {
    switch (line) {
      case 'info status':
        return `VM status: ${['running', 'paused'].includes(this.status) ? this.status : `paused (${this.status})`}\r\n`;
      case 'info version':
        return `${this.version.join('.')}Debian\r\n`;
      case 'info registers':
      case 'info registers -a':
        return this.registers;
      case 'info kvm':
        return 'kvm support: disabled\r\n';
      case 'info cpus':
        return '* CPU #0: thread_id=4711\r\n';
      case 'info hotpluggable-cpus':
        return `  qom_path: "${CPU_PATH}"\r\n`;
      case 'info mtree -f':
        return 'FlatView #0\r\n';
      case 'cont':
        this.change('running', 'cont of the stub');
        return '';
      case 'gdbserver none':
        this.endStub();
        return 'Disabled gdbserver\r\n';
      default:
        return this.#startOwn(line);
    }
  }

  #startOwn(line: string): string {
    const quoted = /^gdbserver "(.*)"$/.exec(line)?.[1];
    if (quoted === undefined) return '';
    const device = quoted.replaceAll(/\\(.)/g, '$1');
    const path = /^unix:(.*),server=on,wait=off$/.exec(device)?.[1];
    if (path === undefined) return 'Could not open gdbserver\r\n';
    void this.startStub(path.replaceAll(',,', ','));
    return `Waiting for gdb connection on device '${device}'\r\n`;
  }

  #acceptDebugger(socket: Socket): void {
    this.connections.stub += 1;
    if (this.isStubBroken) {
      socket.destroy();
      return;
    }
    this.#waiting.push(socket);
    this.#takeUpNext();
  }

  #takeUpNext(): void {
    if (this.isStubHeld || this.#debugger !== undefined) return;
    const socket = this.#waiting.shift();
    if (socket === undefined) return;
    this.debugged.push('open');
    this.#debugger = socket;
    const stub = new FakeGdbStub({ answer: (payload) => this.#answerStub(payload) });
    this.#stub = stub;
    const isGreeted = this.isRunning && (this.version[0] < 8 || (this.version[0] === 8 && this.version[1] === 0));
    if (this.isRunning) this.change('paused', 'a debugger');
    const stream = duplexOf(stub.connection);
    socket.pipe(stream).pipe(socket);
    if (isGreeted) stub.send(encodePacket('T02thread:01;'));
    const end = (): void => {
      if (this.#debugger !== socket) return;
      this.debugged.push('close');
      this.#debugger = undefined;
      this.#takeUpNext();
    };
    socket.on('end', end);
    socket.on('close', end);
    // One that has left while it waited has paused the guest all the same.
    if (socket.destroyed || socket.readableEnded) end();
  }

  #answerStub(payload: string): readonly string[] | 'default' | undefined {
    const digits = /^qRcmd,([0-9a-f]+)$/.exec(payload)?.[1];
    const line = digits === undefined ? undefined : Buffer.from(digits, 'hex').toString();
    const request = line === undefined ? payload : `monitor ${line}`;
    this.debugged.push(request);
    const own = this.onRequest(request, this);
    if (own !== 'default') return own;
    if (line !== undefined) return console(this.#stubPrints(line));
    if (payload.startsWith('qXfer')) return [LAYOUT];
    const mode = /^Qqemu\.PhyMemMode:([01])$/.exec(payload)?.[1];
    if (mode !== undefined) this.isPhysical = mode === '1';
    return payload === 'qqemu.PhyMemMode' ? [this.isPhysical ? '1' : '0'] : 'default';
  }

  #stubPrints(line: string): string {
    const [command, , property = ''] = line.split(' ');
    if (command !== 'qom-get') return this.#print(line);
    const value = PROPERTIES[property];
    return value === undefined ? 'Error: no such property\r\n' : `${JSON.stringify(value)}\r\n`;
  }
}

function say(socket: Socket, message: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\r\n`);
}

/** `hmp` with its line; a command with the values of its arguments. */
function nameOf({ execute, arguments: given = {} }: Request): string {
  const values = Object.values(given).map((value) =>
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  );
  const name = execute === 'human-monitor-command' ? 'hmp' : execute;
  return [name, ...values].join(' ');
}
