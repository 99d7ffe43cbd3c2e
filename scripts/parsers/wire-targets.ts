import { monitorRequest } from '../../protocols/gdb/commands/features/monitor.ts';
import { supportedRequest } from '../../protocols/gdb/commands/features/supported.ts';
import { listThreadsRequest } from '../../protocols/gdb/commands/threads/list-threads.ts';
import { threadExtraInfoRequest } from '../../protocols/gdb/commands/threads/thread-extra-info.ts';
import { encodePacket, PacketDecoder } from '../../protocols/gdb/index.ts';
import { decodeStopReply } from '../../protocols/gdb/packets/stop-reply.ts';
import { loadRegisterLayout } from '../../protocols/gdb/target-description/load-layout.ts';
import { parseDescription } from '../../protocols/gdb/target-description/parse-description.ts';
import { decodeMessage } from '../../protocols/qmp/message.ts';
import { MessageFramer } from '../../protocols/qmp/message-framer.ts';
import { WholeLines } from '../../protocols/qmp/whole-lines.ts';
import { numbered, type ParserTarget, repeated } from './parser-target.ts';
import { readSeed } from './read-seed.ts';

const CONTEXT = { endpoint: 'unix:/x' };

/** Lines, frames and JSON as the channel makes them; garbage ends it. */
function readMessages(pieces: Iterable<Buffer>): void {
  const lines = new WholeLines();
  const framer = new MessageFramer();
  for (const piece of pieces) {
    const whole = lines.take(piece);
    if (whole === undefined) continue;
    for (const line of whole.toString('utf8').split('\n')) {
      for (const frame of framer.push(line)) {
        if (frame.kind === 'garbage') return;
        try {
          decodeMessage(frame.text);
        } catch (error) {
          if (error instanceof SyntaxError) return;
          throw error;
        }
      }
    }
  }
}

function* inPieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Packets, and their payloads as each kind of reply. */
function readPackets(pieces: Iterable<Buffer>): void {
  const payloads: Buffer[] = [];
  const decoder = new PacketDecoder({
    onPacket: (payload) => void payloads.push(Buffer.from(payload)),
    onAck: () => undefined,
    onNak: () => undefined,
    onDefect: () => undefined,
    onGarbage: () => undefined,
  });
  for (const piece of pieces) decoder.push(piece);
  for (const payload of payloads.slice(0, 64)) readReply(payload);
}

function readReply(payload: Uint8Array): void {
  const replies = [supportedRequest(), listThreadsRequest('first'), threadExtraInfoRequest(0)];
  const errors: unknown[] = [];
  for (const decode of [
    ...replies.map((each) => () => each.decode(payload, CONTEXT)),
    () => decodeStopReply(payload, CONTEXT),
  ]) {
    try {
      decode();
    } catch (error) {
      errors.push(error);
    }
  }
  // What one reply may not be is another one's right: only what no layer says of itself is passed on.
  for (const error of errors) if (!(error instanceof Error && 'code' in error)) throw error;
}

function readOutput(input: Buffer): void {
  const request = monitorRequest('x');
  for (const piece of inPieces(input, 16)) request.absorb?.(Buffer.from(`O${piece.toString('hex')}`), CONTEXT);
  request.decode(Buffer.from('OK'), CONTEXT);
}

const packet = (payload: string): string => encodePacket(payload, 1 << 20);
const SESSION = Buffer.from(
  ['PacketSize=1000;qXfer:features:read+', 'OK', 'm01', 'l', 'T05thread:01;', 'E14', '43505523305b68616c7465645d']
    .map((each) => `+${packet(each)}`)
    .join(''),
  'latin1',
);

/** What comes over the two connections. */
export const WIRE_TARGETS: readonly ParserTarget[] = [
  {
    name: 'QMP',
    read: (input) => readMessages(inPieces(input, 65_536)),
    seeds: [readSeed('qmp/session.jsonl')],
    hard: {
      events: repeated('{"event": "X", "data": {"a": 1}}\r\n'),
      objects: repeated('{}'),
      'lines of objects': repeated('{}{}{}\n'),
      'a line': repeated('x', '{"a": "', '"}\n'),
      'a line without end': repeated('x', '{"a": "'),
      'pretty lines': repeated(`    "${'x'.repeat(60)}",\r\n`, '{"a": [', '"x"]}\r\n'),
      backslashes: repeated('\\\\', '{"a": "', '"}\n'),
      arrays: repeated('[', '{"a": ', '\n'),
      digits: repeated('9', '{"a": ', '}\n'),
      elements: repeated('1,', '{"a": [', '1]}\n'),
      blanks: repeated('\n'),
    },
  },
  {
    name: 'QMP, byte by byte',
    read: (input) => readMessages(inPieces(input, 1)),
    seeds: [readSeed('qmp/session.jsonl')],
    hard: {
      'a line': repeated('x', '{"a": "', '"}\n'),
      'pretty lines': repeated(`    "${'x'.repeat(60)}",\r\n`, '{"a": [', '"x"]}\r\n'),
    },
  },
  {
    name: 'GDB packets',
    read: (input) => readPackets(inPieces(input, 65_536)),
    seeds: [SESSION],
    hard: {
      packets: repeated(`+${packet('0123456789abcdef')}`),
      acks: repeated('+'),
      garbage: repeated('+x'),
      dollars: repeated('$'),
      'cut packets': repeated('$a'),
      'dollars and a hash': repeated('$'.repeat(1000), '', '#00'),
      'run lengths': repeated(packet('0* 0~')),
      escapes: repeated(packet('}}'.repeat(100))),
    },
  },
  {
    name: 'GDB packets, byte by byte',
    read: (input) => readPackets(inPieces(input, 1)),
    seeds: [SESSION],
    hard: {
      'a packet': repeated('x', '$'),
      'long packets': repeated(packet('x'.repeat(60_000))),
      hashes: repeated('#', '$'),
    },
  },
  {
    name: 'GDB replies',
    read: readReply,
    seeds: ['PacketSize=1000;a+;b=c', 'm01,p01.02', '43505523305b68616c7465645d', 'T05thread:p01.01;watch:0;'].map(
      (each) => Buffer.from(each),
    ),
    hard: {
      features: numbered((at) => `a${at}=b;`),
      threads: repeated('01,', 'm'),
      stops: repeated('thread:', 'T05'),
      digits: repeated('5b'),
    },
  },
  {
    name: 'output of qRcmd',
    read: readOutput,
    seeds: [readSeed('qmp/mtree.txt')],
    hard: { pieces: repeated('x'), 'line ends': repeated('\r\n') },
  },
  {
    name: 'target description',
    read: (input) => parseDescription('x.xml', input.toString('latin1')),
    seeds: ['gdb/i386-64bit.xml', 'gdb/i386-32bit.xml'].map(readSeed),
    hard: {
      registers: numbered((at) => `<reg name="r${at}" bitsize="64"/>`, '<feature name="f">', '</feature>'),
      tags: repeated('<a>'),
      'open and closed': repeated('<a></a>', '<t>', '</t>'),
      attributes: numbered((at) => ` a${at}="x"`, '<a', '/>'),
      spaces: repeated(' ', '<a', 'x'),
      quotes: repeated('x', '<a b="'),
      entities: repeated('&amp;', '<a>', '</a>'),
      ampersands: repeated('&', '<a>', '</a>'),
      comments: repeated('<!---->', '<a>', '</a>'),
      'open comments': repeated('<!--'),
      doctype: repeated('x', '<!DOCTYPE'),
      text: repeated('x <b></b>', '<a>', '</a>'),
    },
  },
  {
    name: 'target description with what it includes',
    read: (input) => {
      const target = '<target><architecture>i386</architecture><xi:include href="a.xml"/></target>';
      return loadRegisterLayout((annex) => Promise.resolve(annex === 'target.xml' ? target : input.toString('latin1')));
    },
    seeds: [readSeed('gdb/i386-64bit.xml'), Buffer.from('<t><xi:include href="a.xml"/></t>')],
    hard: {
      includes: repeated('<xi:include href="a.xml"/>', '<t>', '</t>'),
      registers: numbered((at) => `<reg name="r${at}" bitsize="64"/>`, '<feature name="f">', '</feature>'),
    },
  },
];
