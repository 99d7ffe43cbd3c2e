import { duplexPair } from 'node:stream';
import { encodePacket, formatHexBytes, PacketDecoder } from '../../../protocols/gdb/internal.ts';
import type { Connection } from '../../../protocols/transport/index.ts';
import { ScriptedMemory } from './scripted-memory.ts';
import { DESCRIPTION, MONITOR_TEXTS, registerBytes } from './scripted-texts.ts';

const FEATURES = 'PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+';
const PIECE = /^qXfer:features:read:([^:]+):([0-9a-f]+),([0-9a-f]+)$/;
const READ = /^m([0-9a-f]+),([0-9a-f]+)$/;
const WRITE = /^M([0-9a-f]+),[0-9a-f]+:([0-9a-f]+)$/;
const COMMAND = /^qRcmd,([0-9a-f]+)$/;

/** A connection to a stub that is in this process, and answers by its script what QEMU's would. @internal */
export function connectScriptedStub(): Connection {
  const [client, server] = duplexPair();
  const memory = new ScriptedMemory();
  let physical = '0';
  const answer = (request: string): readonly string[] => {
    const piece = PIECE.exec(request);
    if (piece !== null) return [pieceOf(piece)];
    const command = COMMAND.exec(request);
    if (command !== null) return printed(Buffer.from(command[1] ?? '', 'hex').toString());
    const read = READ.exec(request);
    if (read !== null) return [formatHexBytes(memory.read(numberOf(read[1]), numberOf(read[2])))];
    const write = WRITE.exec(request);
    if (write !== null) memory.write(numberOf(write[1]), Buffer.from(write[2] ?? '', 'hex'));
    if (request.startsWith('Qqemu.PhyMemMode:')) physical = request.slice(-1);
    if (request === 'qSupported') return [FEATURES];
    if (request === 'qqemu.Supported') return ['sstepbits;sstep;PhyMemMode'];
    if (request === 'qqemu.PhyMemMode') return [physical];
    return [request === 'g' ? formatHexBytes(registerBytes()) : 'OK'];
  };
  const ignore = (): void => {};
  const decoder = new PacketDecoder({
    onPacket: (payload) => {
      const request = Buffer.from(payload).toString('latin1');
      server.write(
        `+${answer(request)
          .map((reply) => encodePacket(reply, Number.POSITIVE_INFINITY))
          .join('')}`,
        'latin1',
      );
    },
    ...{ onAck: ignore, onNak: ignore, onDefect: ignore, onGarbage: ignore },
  });
  server.on('data', (chunk: Uint8Array) => decoder.push(chunk));
  return {
    endpoint: 'the rehearsal',
    stream: client,
    explainEnd: () => '',
    close: () => {
      client.destroy();
      server.destroy();
      return Promise.resolve();
    },
  };
}

function numberOf(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16);
}

function pieceOf([, annex = '', from, length]: RegExpExecArray): string {
  const text = DESCRIPTION[annex];
  const start = numberOf(from);
  if (text === undefined || start > text.length) return 'E00';
  const piece = text.slice(start, start + numberOf(length));
  return `${start + piece.length < text.length ? 'm' : 'l'}${piece}`;
}

/** A line in each packet, as QEMU sends them. */
function printed(command: string): readonly string[] {
  const lines = MONITOR_TEXTS.get(command)?.split('\n').slice(0, -1) ?? [];
  return [...lines.map((line) => `O${formatHexBytes(Buffer.from(`${line}\n`))}`), 'OK'];
}
