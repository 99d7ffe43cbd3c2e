import { createConnection, createServer, type Socket } from 'node:net';
import split2 from 'split2';

/** What a relay that lies is told, as JSON on its command line. */
export interface HostileRelayOptions {
  /** Sockets to listen on. */
  readonly qmp: string;
  readonly gdb: string;
  /** Sockets of the guest behind. */
  readonly realQmp: string;
  readonly realGdb: string;
  /** The file that it names as the guest's memory. */
  readonly memPath: string;
  /** The thread that it names as its own. */
  readonly threadId: number;
  /** What it answers to monitor commands instead of the guest's answer. */
  readonly monitor: Readonly<Record<string, string>>;
}

interface QmpRequest {
  readonly execute: string;
  readonly id: number;
  readonly arguments?: Readonly<Record<string, string>>;
}

/** The answer of its own that it has to a request, if it has one. */
function lieTo({ execute, arguments: given = {} }: QmpRequest, options: HostileRelayOptions): unknown {
  if (execute === 'query-cpus-fast') {
    return [
      { 'cpu-index': 0, 'qom-path': '/machine/unattached/device[0]', 'thread-id': options.threadId, target: 'x86_64' },
    ];
  }
  if (execute === 'query-chardev') {
    return [{ 'frontend-open': true, label: 'gdb', filename: `disconnected:unix:${options.gdb},server=on` }];
  }
  if (execute === 'human-monitor-command') return options.monitor[given['command-line'] ?? ''];
  if (execute !== 'qom-get') return undefined;
  return { 'memory-backend': '/objects/evil', 'mem-path': options.memPath, share: true }[given['property'] ?? ''];
}

function relayQmp(near: Socket, options: HostileRelayOptions): void {
  const far = createConnection(options.realQmp);
  near.pipe(split2()).on('data', (line: string) => {
    const request = JSON.parse(line) as QmpRequest;
    const lie = lieTo(request, options);
    if (lie === undefined) far.write(`${line}\n`);
    else near.write(`${JSON.stringify({ return: lie, id: request.id })}\r\n`);
  });
  far.pipe(near);
  endTogether(near, far);
}

const PACKET = /\$([^#]*)#../g;

function packet(payload: string): string {
  const sum = Buffer.from(payload, 'latin1').reduce((total, byte) => (total + byte) & 0xff, 0);
  return `$${payload}#${sum.toString(16).padStart(2, '0')}`;
}

/** One request at a time, so that each reply is known to be its own. */
function relayGdb(near: Socket, options: HostileRelayOptions): void {
  const far = createConnection(options.realGdb);
  const waiting: string[] = [];
  let current: string | undefined;
  let sent = '';
  let received = '';
  const next = (): void => {
    current = waiting.shift();
    if (current === undefined) return;
    const command = /^qRcmd,(.*)$/.exec(current)?.[1];
    const lie = command === undefined ? undefined : options.monitor[Buffer.from(command, 'hex').toString()];
    if (lie === undefined) {
      far.write(packet(current));
      return;
    }
    near.write(`+${packet(`O${Buffer.from(lie).toString('hex')}`)}+${packet('OK')}`);
    next();
  };
  near.setEncoding('latin1').on('data', (text: string) => {
    sent += text;
    for (const [, payload = ''] of sent.matchAll(PACKET)) waiting.push(payload);
    sent = sent.slice(sent.lastIndexOf('#') < 0 ? 0 : sent.lastIndexOf('#') + 3);
    if (current === undefined) next();
  });
  far.setEncoding('latin1').on('data', (text: string) => {
    near.write(text);
    received += text;
    const replies = [...received.matchAll(PACKET)].map(([, payload = '']) => payload);
    received = received.slice(received.lastIndexOf('#') < 0 ? 0 : received.lastIndexOf('#') + 3);
    // Monitor output comes in pieces before its end; stop replies come unasked.
    const isEnd = (reply: string): boolean => !reply.startsWith('T') && (reply === 'OK' || !reply.startsWith('O'));
    if (current !== undefined && replies.some(isEnd)) next();
  });
  endTogether(near, far);
}

function endTogether(near: Socket, far: Socket): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => {});
    one.on('close', () => other.destroy());
  }
}

/** The program itself, where it is started as one. */
const [, , given] = process.argv;
if (given?.startsWith('{')) {
  const options = JSON.parse(given) as HostileRelayOptions;
  createServer((near) => relayQmp(near, options)).listen(options.qmp, () => {
    createServer((near) => relayGdb(near, options)).listen(options.gdb, () => process.stdout.write('listens\n'));
  });
}
