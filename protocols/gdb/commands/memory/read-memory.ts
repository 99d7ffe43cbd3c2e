import { decodeHexInto, formatHex } from '../../hex.ts';
import { refuseReply } from '../../packets/reply.ts';
import type { GdbRequest, ReplyContext } from '../../packets/request.ts';

/** More than 0x800 bytes in one `m` packet are answered with `E22`. @internal */
export const MAX_READ_BYTES = 2048;

/**
 * `m<address>,<length>`: memory, virtual or physical by the stub's current mode, straight into a buffer. A class, since
 * these are made by the hundred thousand.
 *
 * @internal
 */
export class ReadMemoryRequest implements GdbRequest<void> {
  readonly payload: string;
  readonly maxReplyBytes: number;
  readonly #lengthBytes: number;
  readonly #target: Uint8Array;
  readonly #targetOffset: number;

  /** @param lengthBytes - 1 to {@link MAX_READ_BYTES}; a read of 0 bytes is answered as an unknown request is. */
  constructor(address: number | bigint, lengthBytes: number, target: Uint8Array, targetOffset: number) {
    this.payload = `m${formatHex(address)},${formatHex(lengthBytes)}`;
    this.maxReplyBytes = 2 * lengthBytes;
    this.#lengthBytes = lengthBytes;
    this.#target = target;
    this.#targetOffset = targetOffset;
  }

  decode(reply: Uint8Array, context: ReplyContext): void {
    // An error reply has three characters, so it can not be taken for data, of which there is an even number.
    const isData = reply.length === 2 * this.#lengthBytes && decodeHexInto(reply, this.#target, this.#targetOffset);
    if (!isData) refuseReply(reply, this.payload, `${this.#lengthBytes} bytes in hexadecimal`, context);
  }
}
