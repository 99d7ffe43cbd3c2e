import { Socket } from 'node:net';
import type { Connection, DescriptorCarrier } from '../connection.ts';
import type { PassingCarrier } from './passing-carrier.ts';

/**
 * A connection over a unix socket that can be had to hand descriptors over.
 *
 * @internal
 */
export function withCarrier(connection: Connection): Connection {
  return new CarryingConnection(connection);
}

class CarryingConnection implements Connection {
  readonly endpoint: string;
  readonly stream: Connection['stream'];
  readonly socket: Connection['socket'] & object;
  readonly #connection: Connection;
  #carrier: PassingCarrier | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.endpoint = connection.endpoint;
    this.stream = connection.stream;
    this.socket = connection.socket ?? { kind: 'unix', file: undefined };
  }

  get carrier(): DescriptorCarrier | undefined {
    return this.#carrier;
  }

  async prepareCarrier(): Promise<void> {
    if (!(this.stream instanceof Socket)) throw new Error(`${this.endpoint} is no socket`);
    const { PassingCarrier } = await import('./passing-carrier.ts');
    this.#carrier ??= await PassingCarrier.start(this.endpoint, this.stream);
  }

  explainEnd(): string {
    return this.#connection.explainEnd();
  }

  close(): Promise<void> {
    this.#carrier?.close();
    return this.#connection.close();
  }
}
