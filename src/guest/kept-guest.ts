import { GuestUsageError } from './errors.ts';
import { GuestView, type Vcpu, type ViewMemory } from './guest-view.ts';
import type { PhysicalMemory } from './memory/physical-memory.ts';
import type { Assumption } from './vcpu/assumption.ts';

/**
 * A vCPU as it was, with the tables that certain translations need and no others: what they are asked of takes its time, and the
 * guest need not wait.
 *
 * @public
 */
export class KeptGuest extends GuestView {
  protected override readonly notes: readonly Assumption[] = [];
  protected override readonly writable = undefined;
  readonly #vcpu: Vcpu;
  readonly #memory: ViewMemory;

  /** @internal */
  constructor(vcpu: Vcpu, memory: ViewMemory) {
    super();
    this.#vcpu = vcpu;
    this.#memory = memory;
  }

  protected override readVcpu(cpu: number): Promise<Vcpu> {
    const { cpu: own } = this.#vcpu.state;
    if (cpu === own) return Promise.resolve(this.#vcpu);
    return Promise.reject(new GuestUsageError(`only vCPU ${own} was kept, not vCPU ${cpu}`));
  }

  protected override openMemory(): Promise<ViewMemory> {
    return Promise.resolve(this.#memory);
  }

  protected override smallMemory(): Promise<PhysicalMemory> {
    return Promise.resolve(this.#memory.memory);
  }

  protected override checkStanding(): void {
    // What was kept stays true of its moment.
  }
}
