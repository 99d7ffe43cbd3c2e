import type { MemoryPiece } from '../../../protocols/gdb/index.ts';
import type { TraceRecord } from '../../../protocols/transport/index.ts';

const READ = /^\$m([0-9a-f]+),([0-9a-f]+)#/;

/**
 * Listens to a connection to a GDB stub and keeps which memory was read, flight by flight: what was asked for while nothing
 * was outstanding begins a flight.
 */
export class FlightRecorder {
  readonly flights: MemoryPiece[][] = [];
  #outstanding = 0;

  readonly trace = ({ channel, direction, text }: TraceRecord): void => {
    if (channel !== 'gdb' || !text.startsWith('$')) return;
    if (direction === '<-') {
      // Requests of other kinds, which may have several replies, are not made while memory is read.
      if (this.#outstanding > 0) this.#outstanding -= 1;
      return;
    }
    const read = READ.exec(text);
    if (read === null) return;
    if (this.#outstanding === 0) this.flights.push([]);
    this.#outstanding += 1;
    this.flights.at(-1)?.push({ address: Number(`0x${read[1]}`), lengthBytes: Number(`0x${read[2]}`) });
  };

  /** All that was read. */
  get bytes(): number {
    return this.flights.flat().reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  }

  /** Forgets what was read so far. */
  reset(): void {
    this.flights.length = 0;
  }
}
