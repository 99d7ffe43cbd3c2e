import { connect, createServer, type Socket } from 'node:net';
import { MessageSplitter } from '../rig/message-proxy.ts';
import { packet } from '../rig/raw/raw-stub.ts';
import { type Answer, type Facts, type Lie, monitorCommand, type Request } from './lie.ts';
import { LIES } from './lies.ts';

/*
 * A hostile peer: a program that stands where QEMU should, as another user than the client, and passes on to a real QEMU what it
 * does not want to lie about. What it hears it writes on standard output, one JSON text a line.
 */

interface Orders {
  readonly lie: string;
  readonly qmpPath: string;
  readonly realQmp: string;
  readonly realGdb: string;
  readonly facts: Facts;
}

const orders = JSON.parse(process.argv[2] ?? '{}') as Orders;
const lie: Lie = LIES[orders.lie] ?? {};

function note(heard: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), ...heard })}\n`);
}

function quiet(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.on('error', () => {});
}

function say(client: Socket, request: Request, answer: Exclude<Answer, undefined>): void {
  if (answer === 'silence' || !client.writable) return;
  client.write('raw' in answer ? answer.raw : `${JSON.stringify({ return: answer.value, id: request.id })}\r\n`);
}

function serveMonitor(client: Socket): void {
  const real = connect(orders.realQmp);
  quiet(client, real);
  const requests = new Map<unknown, Request>();
  const up = new MessageSplitter('lines');
  const down = new MessageSplitter('lines');
  let turn = Promise.resolve();
  const take = async (line: Buffer): Promise<void> => {
    const request = JSON.parse(line.toString()) as Request;
    note({ qmp: request.execute, hmp: request.arguments?.['command-line'], arguments: request.arguments });
    const answer = await lie.answer?.(request, orders.facts);
    if (answer !== undefined) {
      say(client, request, answer);
      return;
    }
    requests.set(request.id, request);
    real.write(line);
  };
  client.on('data', (chunk: Buffer) => {
    for (const line of up.push(chunk)) turn = turn.then(() => take(line)).catch(() => {});
  });
  real.on('data', (chunk: Buffer) => {
    for (const line of down.push(chunk)) client.write(amended(line, requests));
  });
  client.on('close', () => real.destroy());
  real.on('close', () => client.destroy());
}

function amended(line: Buffer, requests: ReadonlyMap<unknown, Request>): Buffer {
  const reply = JSON.parse(line.toString()) as { id?: unknown; return?: unknown };
  const request = requests.get(reply.id);
  if (request === undefined || !('return' in reply)) return line;
  const value = lie.amend?.(request, reply.return, orders.facts);
  return value === undefined ? line : Buffer.from(`${JSON.stringify({ return: value, id: reply.id })}\r\n`);
}

/** One packet after the other: what is made up keeps its place among what is not. */
function serveStub(client: Socket): void {
  const real = connect(orders.realGdb);
  quiet(client, real);
  const up = new MessageSplitter('packets');
  const down = new MessageSplitter('packets');
  let answered: (payload: string) => void = () => {};
  real.on('data', (chunk: Buffer) => {
    for (const message of down.push(chunk)) {
      if (message.length > 1) answered(message.toString('latin1', 1, message.length - 3));
    }
  });
  let turn = Promise.resolve();
  const take = async (message: Buffer): Promise<void> => {
    const payload = message.toString('latin1', 1, message.length - 3);
    note({ gdb: payload.slice(0, 200) });
    const made = await lie.packet?.(payload, orders.facts);
    if (made === 'silence') return;
    if (made !== undefined) {
      client.write(`+${made.map(packet).join('')}`, 'latin1');
      return;
    }
    await new Promise<void>((resolve) => {
      client.write('+');
      answered = (reply) => {
        // Stop replies that were not asked for are dropped: clients have to bear with that as well.
        if (reply.startsWith('T') && payload !== '?') return;
        client.write(packet(reply), 'latin1');
        if (monitorCommand(payload) === '' || reply === 'OK' || !reply.startsWith('O')) resolve();
      };
      real.write(message);
    });
  };
  client.on('data', (chunk: Buffer) => {
    for (const message of up.push(chunk)) if (message.length > 1) turn = turn.then(() => take(message)).catch(() => {});
  });
  client.on('close', () => real.destroy());
  real.on('close', () => client.destroy());
}

let listening = 0;
for (const [path, serve] of [
  [orders.qmpPath, serveMonitor],
  [orders.facts.gdbPath, serveStub],
] as const) {
  createServer(serve).listen({ path, readableAll: true, writableAll: true }, () => {
    listening += 1;
    if (listening === 2) note({ ready: true });
  });
}
