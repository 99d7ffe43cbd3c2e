import { MAX_FRAME_BYTES } from './agent-program.ts';

const HEADER_BYTES = 8;

/** A frame of the agent: see agent-program.ts. @internal */
export interface Frame {
  readonly channel: number;
  readonly payload: Buffer;
}

/** A frame as bytes. @internal */
export function encodeFrame(channel: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(channel, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Takes frames out of what arrives, in whatever pieces; what is kept is one frame at most. @internal */
export class FrameDecoder {
  #parts: Buffer[] = [];
  #heldBytes = 0;
  /** Of the frame that has begun, header included; undefined until its header is there. */
  #wantedBytes: number | undefined;

  /** @throws RangeError where a frame is longer than one may be */
  take(chunk: Buffer): Frame[] {
    this.#parts.push(chunk);
    this.#heldBytes += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#heldBytes < (this.#wantedBytes ?? HEADER_BYTES)) return frames;
      const [held] = this.#parts.length === 1 ? this.#parts : [Buffer.concat(this.#parts)];
      if (held === undefined) return frames;
      this.#parts = [held];
      const lengthBytes = held.readUInt32BE(4);
      if (lengthBytes > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${lengthBytes} bytes`);
      this.#wantedBytes = HEADER_BYTES + lengthBytes;
      if (this.#heldBytes < this.#wantedBytes) return frames;
      frames.push({ channel: held.readUInt32BE(0), payload: held.subarray(HEADER_BYTES, this.#wantedBytes) });
      const rest = held.subarray(this.#wantedBytes);
      this.#parts = rest.length === 0 ? [] : [rest];
      this.#heldBytes = rest.length;
      this.#wantedBytes = undefined;
    }
  }
}
