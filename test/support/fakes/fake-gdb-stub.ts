import { type Duplex, duplexPair } from 'node:stream';
import { encodePacket, PacketDecoder } from '../../../protocols/gdb/index.ts';
import type { Connection } from '../../../protocols/transport/index.ts';

/** What a stub answers to a payload: payloads of packets, in order. Undefined: acks and says nothing. */
export type Answer = (payload: string) => readonly string[] | undefined;

export interface FakeStubOptions {
  /** Comes before the default answers; gives `default` for what it does not care about. */
  readonly answer?: (payload: string) => readonly string[] | undefined | 'default';
  /** Answers one request in each turn of the event loop, not all at once. */
  readonly slow?: boolean;
  /** Another client left the beginning of a packet in the parser: the first packet becomes its rest, and is refused. */
  readonly halfPacket?: boolean;
  /** What the connection knows of its end. */
  readonly end?: string;
}

/**
 * The other end of an in-process connection, which behaves as QEMU's stub does, and keeps a record of what it was sent. Memory
 * holds at each address the low byte of the address.
 */
export class FakeGdbStub {
  readonly connection: Connection;
  readonly requests: string[] = [];
  /** Everything that came and is in no packet: there should be nothing. */
  readonly strayBytes: number[] = [];
  /** The most reply bytes ever owed at one time, as the client must count them. */
  peakOwedBytes = 0;
  readonly #stream: Duplex;
  readonly #options: FakeStubOptions;
  #owed: string[] = [];
  #owedBytes = 0;
  #physical = false;
  #clientWrites = 0;
  #halfPacket = '';

  constructor(options: FakeStubOptions = {}) {
    this.#options = options;
    const [client, server] = duplexPair();
    this.#stream = server;
    this.#countWrites(client);
    this.connection = {
      endpoint: 'unix:/fake',
      stream: client,
      explainEnd: () => options.end ?? '',
      close: async () => {
        client.destroy();
      },
    };
    const decoder = new PacketDecoder({
      onPacket: (payload) => this.#take(Buffer.from(payload).toString('latin1')),
      onAck: () => this.strayBytes.push(0x2b),
      onNak: () => this.strayBytes.push(0x2d),
      onDefect: (_, wire) => this.#refuse(wire),
      onGarbage: (bytes) => this.strayBytes.push(...bytes),
    });
    if (options.halfPacket === true) this.#halfPacket = '$m10';
    this.#stream.on('data', (chunk: Uint8Array) => this.#read(chunk, decoder));
    this.#stream.on('error', () => undefined);
  }

  /** How many times the client has written: each is one system call on a real socket. */
  get clientWrites(): number {
    return this.#clientWrites;
  }

  /** Sends bytes as they are. */
  send(text: string): void {
    this.#stream.write(text, 'latin1');
  }

  /** Ends the connection as an exiting QEMU does. */
  hangUp(): void {
    this.#stream.end();
  }

  #countWrites(client: Duplex): void {
    const write = client.write.bind(client) as (chunk: unknown, encoding: BufferEncoding) => boolean;
    client.write = (chunk: unknown, encoding: unknown) => {
      this.#clientWrites++;
      return write(chunk, encoding as BufferEncoding);
    };
  }

  #read(chunk: Uint8Array, decoder: PacketDecoder): void {
    if (this.#halfPacket === '') {
      decoder.push(chunk);
      return;
    }
    // QEMU goes on collecting until the next checksum, whatever comes.
    this.#halfPacket += Buffer.from(chunk).toString('latin1');
    if (!/#..$/.test(this.#halfPacket)) return;
    this.#halfPacket = '';
    this.send('-');
  }

  #refuse(wire: Uint8Array): void {
    this.strayBytes.push(...wire);
    this.send('-');
  }

  #take(payload: string): void {
    this.requests.push(payload);
    const own = this.#options.answer?.(payload) ?? (this.#options.answer ? undefined : 'default');
    const replies = own === 'default' ? [this.#defaultAnswer(payload)] : own;
    const wire = `+${(replies ?? []).map((reply) => encodePacket(reply, 1 << 20)).join('')}`;
    if (this.#options.slow === true) this.#owe(wire);
    else this.send(wire);
  }

  #owe(wire: string): void {
    this.#owed.push(wire);
    this.#owedBytes += chargedBytes(wire);
    this.peakOwedBytes = Math.max(this.peakOwedBytes, this.#owedBytes);
    if (this.#owed.length === 1) setImmediate(() => this.#payOne());
  }

  #payOne(): void {
    const wire = this.#owed.shift();
    if (wire === undefined) return;
    this.#owedBytes -= chargedBytes(wire);
    this.send(wire);
    if (this.#owed.length > 0) setImmediate(() => this.#payOne());
  }

  #defaultAnswer(payload: string): string {
    if (payload === 'qSupported') return 'PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+';
    if (payload === 'qqemu.Supported') return 'sstepbits;sstep;PhyMemMode';
    if (payload === 'qqemu.PhyMemMode') return this.#physical ? '1' : '0';
    const mode = /^Qqemu\.PhyMemMode:([01])$/.exec(payload);
    if (mode !== null) this.#physical = mode[1] === '1';
    if (mode !== null || /^(Hg|Hc|T|M|P|Z1|z1)/.test(payload)) return 'OK';
    const read = /^m([0-9a-f]+),([0-9a-f]+)$/.exec(payload);
    return read === null ? '' : memoryAt(BigInt(`0x${read[1]}`), Number.parseInt(read[2] ?? '', 16));
  }
}

function memoryAt(address: bigint, length: number): string {
  if (length > 2048) return 'E22';
  const bytes = Uint8Array.from({ length }, (_, index) => Number((address + BigInt(index)) & 0xffn));
  return Buffer.from(bytes).toString('hex');
}

/** A kernel's buffers come in these sizes, headers included. */
const BUFFER_SIZES = [512, 1024, 2048, 4096] as const;

/** What a unix socket of Linux is charged for `+`, and for the packet behind it. */
function chargedBytes(wire: string): number {
  const packetBytes = wire.length - 1;
  const head = BUFFER_SIZES.find((size) => packetBytes + 320 <= size);
  return 768 + 256 + (head ?? 512 + 4096);
}
