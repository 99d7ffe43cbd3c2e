import type { TraceRecord } from '../../../../protocols/transport/index.ts';

/** Counts round trips: how often something is sent after something was received, whatever the connection. */
export class TurnCounter {
  turns = 0;
  #hasReceived = true;

  readonly trace = ({ direction }: TraceRecord): void => {
    if (direction === '->' && this.#hasReceived) this.turns += 1;
    this.#hasReceived = direction === '<-';
  };
}
