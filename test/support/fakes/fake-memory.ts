import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MemoryPiece } from '../../../src/guest/memory/physical-memory.ts';
import type { WritableMemory } from '../../../src/guest/memory/write-bits.ts';

/**
 * Guest memory in a buffer from address 0 on, that lists what travels: one flight is what is asked for before an answer comes.
 * Reads and writes of a flight take effect in the order in which they were asked for, as the stub has it.
 */
export class FakeMemory implements WritableMemory {
  readonly bytes: Uint8Array;
  /** `r 0x1000+8`, `w 0x1000+1`, flight by flight. */
  readonly flights: string[][] = [];
  /** Addresses whose writes are acknowledged and lost, as in ROM. */
  readonly stubborn = new Set<number>();
  #open = false;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  setEntry(address: number, value: bigint): void {
    new DataView(this.bytes.buffer).setBigUint64(address, value, true);
  }

  entry(address: number): string {
    return `0x${new DataView(this.bytes.buffer).getBigUint64(address, true).toString(16)}`;
  }

  async read(pieces: readonly MemoryPiece[]): Promise<readonly Uint8Array[]> {
    for (const { address, lengthBytes } of pieces) this.#note(`r 0x${address.toString(16)}+${lengthBytes}`);
    const read = pieces.map(({ address, lengthBytes }) => this.bytes.slice(address, address + lengthBytes));
    return this.#answer(read);
  }

  async write(address: number, bytes: Uint8Array): Promise<void> {
    this.#note(`w 0x${address.toString(16)}+${bytes.length}`);
    if (!this.stubborn.has(address)) this.bytes.set(bytes, address);
    return this.#answer(undefined);
  }

  #note(what: string): void {
    if (!this.#open) this.flights.push([]);
    this.#open = true;
    this.flights.at(-1)?.push(what);
  }

  async #answer<T>(answer: T): Promise<T> {
    await nextTurn();
    this.#open = false;
    return answer;
  }
}
