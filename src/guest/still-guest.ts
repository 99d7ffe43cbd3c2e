import { requireCpu } from './errors.ts';
import { GuestView } from './guest-view.ts';
import type { OpenGuest } from './open-guest.ts';
import type { GuestSource } from './source/guest-source.ts';
import type { Assumption } from './vcpu/assumption.ts';

/** A guest that does not run, and never changes: each look at it is the same. @public */
export class StillGuest implements OpenGuest {
  readonly endpoint: string;
  readonly vcpus: readonly number[];
  readonly assumed: readonly Assumption[] = [];
  readonly running = undefined;
  readonly #view: GuestView;

  /** @param endpoint - where the source has it from: the name of a file */
  constructor(source: GuestSource, endpoint: string) {
    this.endpoint = endpoint;
    this.vcpus = source.vcpus;
    this.#view = new GuestView(source);
  }

  look(): Promise<GuestView> {
    return Promise.resolve(this.#view);
  }

  requireCpu(cpu: number): void {
    requireCpu(cpu, this.vcpus);
  }

  async detach(): Promise<void> {
    this.#view[Symbol.dispose]();
  }
}
