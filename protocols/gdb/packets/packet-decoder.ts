import { hexDigitValue } from '../hex.ts';
import { checksumOf } from './checksum.ts';

const DOLLAR = 0x24;
const HASH = 0x23;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const BRACE = 0x7d;

// A run-length count is sent as a printable character: the count of further copies plus 29 (GDB manual, "Overview").
const RUN_LENGTH_BIAS = 29;
const MIN_RUN_CHARACTER = 0x20;
const MAX_RUN_CHARACTER = 0x7e;

/** Why a packet was thrown away. @public */
export type PacketDefect = 'checksum' | 'run-length' | 'escape' | 'cut-short' | 'too-long';

/**
 * Receives what a {@link PacketDecoder} finds, in the order of arrival. All byte arrays are views into the decoder's input:
 * they are good only during the call.
 *
 * @public
 */
export interface PacketSink {
  /** A good packet; `wire` is all of it as it travelled, `$` to checksum. */
  onPacket(payload: Uint8Array, wire: Uint8Array): void;
  /** `+` */
  onAck(): void;
  /** `-` */
  onNak(): void;
  /** A packet that cannot be used. */
  onDefect(defect: PacketDefect, wire: Uint8Array): void;
  /** Bytes that belong to no packet. */
  onGarbage(bytes: Uint8Array): void;
}

/**
 * Takes the stub's bytes in pieces of any size and reports packets, acks and rubbish. It knows no sockets and never throws.
 *
 * ```
 *        ┌── + ──► ack      ┌── any ──┐
 *   idle ┼── - ──► nak      │         ▼
 *        ├── $ ──────────► body ── # ──► digit ──► digit ──► packet | defect ──► idle
 *        └── other ► garbage ▲        │
 *                            └── $ ───┘  (a packet that starts inside another: the first was cut short)
 * ```
 *
 * @public
 */
export class PacketDecoder {
  readonly #sink: PacketSink;
  readonly #maxPacketBytes: number;
  // An unfinished packet, from its `$` on. Grows by doubling, up to the limit and one read of the socket.
  #carry = new Uint8Array(8192);
  #carried = 0;
  #expanded = new Uint8Array(0);

  /** @param maxPacketBytes - the longest packet accepted, both as it travels and with its run-lengths expanded. */
  constructor(sink: PacketSink, maxPacketBytes = 65536) {
    this.#sink = sink;
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    if (this.#carried === 0) {
      this.#keep(bytes.subarray(this.#scan(bytes, 0)));
      return;
    }
    const searched = this.#carried;
    this.#append(bytes);
    const data = this.#carry.subarray(0, this.#carried);
    const used = this.#scan(data, searched);
    if (used > 0) this.#carry.copyWithin(0, used, this.#carried);
    this.#carried -= used;
    this.#dropOversized();
  }

  #keep(rest: Uint8Array): void {
    if (rest.length > 0) this.#append(rest);
    this.#dropOversized();
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#carried + bytes.length;
    if (needed > this.#carry.length) {
      const larger = new Uint8Array(Math.max(needed, this.#carry.length * 2));
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = needed;
  }

  #dropOversized(): void {
    if (this.#carried <= this.#maxPacketBytes) return;
    const wire = this.#carry.subarray(0, this.#carried);
    this.#carried = 0;
    this.#sink.onDefect('too-long', wire);
  }

  /** Reports all that is complete in `data`; gives the index of an unfinished packet, or the end. */
  #scan(data: Uint8Array, searched: number): number {
    let at = 0;
    while (at < data.length) {
      const byte = data[at];
      if (byte === DOLLAR) {
        // What an earlier call has searched need not be searched again; a `#` at its very end may wait for its digits.
        const hash = data.indexOf(HASH, Math.max(at + 1, searched - 2));
        if (hash < 0 || hash + 2 >= data.length) return at;
        at = this.#takePacket(data, at, hash);
      } else if (byte === PLUS) {
        this.#sink.onAck();
        at++;
      } else if (byte === MINUS) {
        this.#sink.onNak();
        at++;
      } else {
        at = this.#takeGarbage(data, at);
      }
    }
    return at;
  }

  #takeGarbage(data: Uint8Array, start: number): number {
    let end = start + 1;
    while (end < data.length) {
      const byte = data[end];
      if (byte === DOLLAR || byte === PLUS || byte === MINUS) break;
      end++;
    }
    this.#sink.onGarbage(data.subarray(start, end));
    return end;
  }

  /** Reports the packet between `dollar` and `hash`; gives the index behind it. */
  #takePacket(data: Uint8Array, dollar: number, hash: number): number {
    const inner = data.lastIndexOf(DOLLAR, hash);
    if (inner > dollar) {
      this.#sink.onDefect('cut-short', data.subarray(dollar, inner));
      return inner;
    }
    const end = hash + 3;
    const wire = data.subarray(dollar, end);
    const body = data.subarray(dollar + 1, hash);
    const checksum = (hexDigitValue(data[hash + 1] as number) << 4) | hexDigitValue(data[hash + 2] as number);
    if (wire.length > this.#maxPacketBytes) this.#sink.onDefect('too-long', wire);
    else if (checksumOf(body) !== checksum) this.#sink.onDefect('checksum', wire);
    else if (body.includes(BRACE) || body.includes(STAR)) this.#takeEncoded(body, wire);
    else this.#sink.onPacket(body, wire);
    return end;
  }

  /** QEMU escapes in `qXfer` replies only and never uses run-lengths, but other stubs may sit behind the same endpoint. */
  #takeEncoded(body: Uint8Array, wire: Uint8Array): void {
    if (this.#expanded.length === 0) this.#expanded = new Uint8Array(this.#maxPacketBytes);
    const target = this.#expanded;
    let length = 0;
    for (let index = 0; index < body.length; index++) {
      const byte = body[index] as number;
      if (byte === STAR) {
        const run = body[++index] ?? 0;
        if (length === 0 || run < MIN_RUN_CHARACTER || run > MAX_RUN_CHARACTER) {
          this.#sink.onDefect('run-length', wire);
          return;
        }
        const count = run - RUN_LENGTH_BIAS;
        if (length + count > target.length) {
          this.#sink.onDefect('too-long', wire);
          return;
        }
        target.fill(target[length - 1] as number, length, length + count);
        length += count;
      } else if (byte === BRACE) {
        const escaped = body[++index];
        if (escaped === undefined) {
          this.#sink.onDefect('escape', wire);
          return;
        }
        target[length++] = escaped ^ 0x20;
      } else {
        target[length++] = byte;
      }
    }
    this.#sink.onPacket(target.subarray(0, length), wire);
  }
}
