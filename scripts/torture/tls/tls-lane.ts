import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KillLane } from '../kills/kill-lane.ts';
import { KILL_WAYS } from '../kills/kill-ways.ts';
import { makeTlsFolder } from '../rig/tls/tls-folder.ts';
import type { Outcome } from '../scenario.ts';
import { BREAKS } from '../wire/breaks.ts';
import { GARBLES } from '../wire/garble.ts';
import { FAULT_KINDS } from '../wire/wire.ts';
import { WireLane } from '../wire/wire-lane.ts';
import { findTlsQemu, throughMessages, throughRecords } from './tls-approaches.ts';

/** What can be done to bytes that cannot be read. */
const BLIND = new Set([
  'one byte at a time',
  'delays',
  'late message',
  'garbage',
  'damaged message',
  'doubled message',
  'lost message',
]);
const RECORD_FAULTS = [...BREAKS, ...GARBLES.filter(({ name }) => BLIND.has(name))];

/** What a case is about, in turn. */
export const TLS_KINDS = ['clients killed over TLS', 'messages within TLS', 'records of TLS'] as const;
type TlsKind = (typeof TLS_KINDS)[number];

/** Guests whose monitors are behind TLS: for clients that are killed, for faults within, and for faults beneath. */
export class TlsLane implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'torture-tls-'));
  readonly #binary: string;
  #kills: KillLane | undefined;
  #messages: WireLane | undefined;
  #records: WireLane | undefined;

  private constructor(binary: string) {
    this.#binary = binary;
    makeTlsFolder(this.#directory);
  }

  /** @throws LackingError where no QEMU answers over TLS */
  static async open(): Promise<TlsLane> {
    return new TlsLane(findTlsQemu());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kills?.[Symbol.asyncDispose]();
    await this.#messages?.[Symbol.asyncDispose]();
    await this.#records?.[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true });
  }

  async run(kind: TlsKind, seed: number, number: number): Promise<Outcome> {
    const outcome = await this.#do(kind, seed, number);
    return { ...outcome, what: `${kind}: ${outcome.what}`, tags: [`kind: ${kind}`, ...outcome.tags] };
  }

  async #do(kind: TlsKind, seed: number, number: number): Promise<Outcome> {
    if (kind === 'clients killed over TLS') {
      this.#kills ??= await KillLane.open(KILL_WAYS, throughMessages(this.#directory, this.#binary));
      return this.#kills.run(seed, number);
    }
    if (kind === 'messages within TLS') {
      this.#messages ??= await WireLane.open(throughMessages(this.#directory, this.#binary));
      return this.#messages.run(seed, number, FAULT_KINDS);
    }
    this.#records ??= await WireLane.open(throughRecords(this.#directory, this.#binary));
    return this.#records.run(seed, number, RECORD_FAULTS);
  }
}
