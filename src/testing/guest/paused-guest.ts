import type { Guest, GuestView, MapScope, TranslateScope } from '../../guest/index.ts';
import type { Linux } from '../../linux/index.ts';
import { type AskedAccess, askAddress, type GuestAnswer } from '../answers/guest-answer.ts';
import { type GuestMap, takeMap } from '../answers/guest-map.ts';
import { describeStop, type GuestStop, type RunUntilOptions, runTo } from './run-to.ts';

/** What a test does with a guest while it is paused; void when the pause is over. @public */
export class PausedGuest {
  readonly #guest: Guest;
  readonly #tail: () => readonly string[];
  readonly #breakpoints = new Set<bigint>();
  #view: GuestView;

  /** @internal */
  constructor(guest: Guest, view: GuestView, tail: () => readonly string[]) {
    this.#guest = guest;
    this.#view = view;
    this.#tail = tail;
  }

  /** Everything else that can be asked of a paused guest. Another one each time that the guest has run. */
  get view(): GuestView {
    return this.#view;
  }

  /**
   * Asks one address.
   *
   * @param access - a supervisor read unless given
   * @param scope - another vCPU, CR3, …
   */
  translate(address: bigint, access: AskedAccess = {}, scope: TranslateScope = {}): Promise<GuestAnswer> {
    return askAddress(this.#view, address, access, scope);
  }

  /** The map of an address space, or of a part: at most a million ranges. */
  map(scope: MapScope = {}): Promise<GuestMap> {
    return takeMap(this.#view, scope);
  }

  /** The Linux in the guest. @throws as `GuestView.linux`. */
  linux(cpu = 0): Promise<Linux> {
    return this.#view.linux(cpu);
  }

  /** @throws as `GuestView.readVirtual`. */
  readVirtual(address: bigint, lengthBytes: number, scope: TranslateScope = {}): Promise<Uint8Array> {
    return this.#view.readVirtual(address, lengthBytes, scope);
  }

  /** @throws as `GuestView.readPhysical`. */
  readPhysical(address: bigint, lengthBytes: number): Promise<Uint8Array> {
    return this.#view.readPhysical(address, lengthBytes);
  }

  /** @throws as `GuestView.writeVirtual`. */
  writeVirtual(address: bigint, bytes: Uint8Array, scope: TranslateScope = {}): Promise<void> {
    return this.#view.writeVirtual(address, bytes, scope);
  }

  /** @throws as `GuestView.writePhysical`. */
  writePhysical(address: bigint, bytes: Uint8Array): Promise<void> {
    return this.#view.writePhysical(address, bytes);
  }

  /** The registers of a vCPU, by GDB's names of them. */
  async registers(cpu = 0): Promise<Readonly<Record<string, bigint>>> {
    return (await describeStop(this.#guest, cpu)).registers;
  }

  /** Sets a breakpoint at a linear address for {@link PausedGuest.run}. It is in QEMU only while the guest runs there. */
  breakpoint(address: bigint): void {
    this.#breakpoints.add(BigInt.asUintN(64, address));
  }

  /**
   * Lets the guest run in the middle of this pause, until it comes to a breakpoint.
   *
   * @throws GuestRunError `ERR_TESTING_RUN` where it does not in time: it is paused again all the same.
   */
  async run(options: RunUntilOptions = {}): Promise<GuestStop> {
    try {
      return await runTo(this.#guest, [...this.#breakpoints], options, this.#tail);
    } finally {
      this.#view = await this.#guest.pause();
    }
  }

  /** Lets a vCPU execute one instruction, while the others stay. */
  async step(cpu = 0, { timeoutMs = 5000 }: Pick<RunUntilOptions, 'timeoutMs'> = {}): Promise<GuestStop> {
    try {
      await this.#guest.run({ breakpoints: [], timeoutMs, step: cpu });
      return await describeStop(this.#guest, cpu);
    } finally {
      this.#view = await this.#guest.pause();
    }
  }
}
