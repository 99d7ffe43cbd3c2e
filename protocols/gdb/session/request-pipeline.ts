import { encodePacket } from '../packets/packet-encoder.ts';
import type { GdbRequest, ReplyContext } from '../packets/request.ts';
import { socketBufferBytes } from './socket-buffer.ts';

/** One request on its way, with its framing. @internal */
export interface PendingRequest {
  readonly request: GdbRequest<unknown>;
  readonly wire: string;
  /** What its reply may take of QEMU's socket buffer. */
  readonly bufferBytes: number;
  readonly group: RequestGroup;
}

/** Requests that are settled together. @internal */
export interface RequestGroup {
  remaining: number;
  result: unknown;
  error: { readonly reason: unknown } | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The requests of a connection, in order: waiting to be sent, then outstanding, then done. The protocol has no request
 * numbers: a reply belongs to the request that has been waiting longest.
 *
 * ```
 *   add ─► queue ─► takeSendable ─► outstanding ─► deliver ─► done ─► settled, when nothing is outstanding any more
 *             (never more than the bound)
 * ```
 *
 * Why results wait until the whole flight is in: if another client resumes the guest, the stub swallows the next packet
 * without a word and answers those behind it, so that every reply would be taken for that of the request before. The one
 * thing that shows is that a reply is missing at the end. Until then no result can be trusted.
 *
 * @internal
 */
export class RequestPipeline {
  readonly #maxOutstandingBytes: number;
  #queue: PendingRequest[] = [];
  #queueHead = 0;
  #outstanding: PendingRequest[] = [];
  #outstandingHead = 0;
  #outstandingBytes = 0;
  #done = new Set<RequestGroup>();

  /** @param maxOutstandingBytes - bound on the replies that are owed, each with what a socket buffer takes for it. */
  constructor(maxOutstandingBytes: number) {
    this.#maxOutstandingBytes = maxOutstandingBytes;
  }

  /** How many requests were sent and are not answered. */
  get outstandingCount(): number {
    return this.#outstanding.length - this.#outstandingHead;
  }

  /** The request that the next reply belongs to. */
  get head(): PendingRequest | undefined {
    return this.#outstanding[this.#outstandingHead];
  }

  /** Queues requests, all or none. @throws GdbPacketTooLongError (`ERR_GDB_PACKET_TOO_LONG`). */
  add(requests: readonly GdbRequest<unknown>[], group: RequestGroup, limitChars: number): void {
    const pending = requests.map((request) => ({
      request,
      wire: encodePacket(request.payload, limitChars),
      bufferBytes: socketBufferBytes(request.maxReplyBytes),
      group,
    }));
    for (const item of pending) this.#queue.push(item);
  }

  /** Moves as many requests as the bound allows from the queue to the outstanding ones. */
  takeSendable(): PendingRequest[] {
    const start = this.#queueHead;
    while (this.#queueHead < this.#queue.length) {
      const next = this.#queue[this.#queueHead] as PendingRequest;
      if (!this.#mayFollow(next)) break;
      this.#outstanding.push(next);
      this.#outstandingBytes += next.bufferBytes;
      this.#queueHead++;
    }
    const sendable = this.#queue.slice(start, this.#queueHead);
    if (this.#queueHead === this.#queue.length) {
      this.#queue = [];
      this.#queueHead = 0;
    }
    return sendable;
  }

  /** Gives a reply to the request that it belongs to. @throws what the request's decoder throws. */
  deliver(reply: Uint8Array, context: ReplyContext): void {
    const pending = this.head as PendingRequest;
    const { request, bufferBytes, group } = pending;
    if (request.absorb?.(reply, context) === true) return;
    this.#outstandingHead++;
    this.#outstandingBytes -= bufferBytes;
    if (this.#outstandingHead === this.#outstanding.length) {
      this.#outstanding = [];
      this.#outstandingHead = 0;
    }
    group.remaining--;
    this.#done.add(group);
    group.result = request.decode(reply, context);
  }

  /** The groups that can be settled now: none before all replies of the flight are in. */
  takeSettled(): RequestGroup[] {
    if (this.outstandingCount > 0 || this.#done.size === 0) return [];
    const settled = [...this.#done].filter((group) => group.remaining === 0);
    for (const group of settled) this.#done.delete(group);
    return settled;
  }

  /** Empties everything; gives all groups that were not settled. */
  clear(): Set<RequestGroup> {
    const groups = this.#done;
    for (const pending of this.#outstanding) groups.add(pending.group);
    for (const pending of this.#queue) groups.add(pending.group);
    this.#queue = [];
    this.#queueHead = 0;
    this.#outstanding = [];
    this.#outstandingHead = 0;
    this.#outstandingBytes = 0;
    this.#done = new Set();
    return groups;
  }

  #mayFollow({ bufferBytes }: PendingRequest): boolean {
    if (this.outstandingCount === 0) return true;
    const last = this.#outstanding[this.#outstanding.length - 1] as PendingRequest;
    return !last.request.barrier && this.#outstandingBytes + bufferBytes <= this.#maxOutstandingBytes;
  }
}
