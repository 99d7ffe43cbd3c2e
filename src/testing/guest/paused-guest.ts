import type { Guest, GuestView, MapScope, TranslateScope } from '../../guest/index.ts';
import type { Linux } from '../../linux/index.ts';
import { type AskedAccess, askAddress, type GuestAnswer } from '../answers/guest-answer.ts';
import { type GuestMap, takeMap } from '../answers/guest-map.ts';
import { requireAddress } from '../answers/require-address.ts';
import { leafOf } from '../assertions/judge-answer.ts';
import { showAnswer } from '../assertions/show-answer.ts';
import { QemuOptionError } from '../errors.ts';
import { describeStop, type GuestStop, type RunUntilOptions, runTo } from './run-to.ts';

interface Running {
  readonly name: 'run' | 'step';
  readonly early: AbortController;
  readonly ended: Promise<unknown>;
}

/** What a test does with a guest while it is paused; void when the pause is over. @public */
export class PausedGuest {
  readonly #guest: Guest;
  readonly #tail: () => readonly string[];
  readonly #breakpoints = new Set<bigint>();
  #view: GuestView;
  /** What lets the guest run in the middle of this pause. */
  #running: Running | undefined;
  #isOver = false;

  /** @internal */
  constructor(guest: Guest, view: GuestView, tail: () => readonly string[]) {
    this.#guest = guest;
    this.#view = view;
    this.#tail = tail;
  }

  /** Everything else that can be asked of a paused guest. Another one each time that the guest has run. */
  get view(): GuestView {
    this.#requirePaused();
    return this.#view;
  }

  /**
   * Asks one address.
   *
   * @param access - a supervisor read unless given
   * @param scope - another vCPU, CR3, …
   */
  async translate(address: bigint, access: AskedAccess = {}, scope: TranslateScope = {}): Promise<GuestAnswer> {
    requireAddress(address, 'translate');
    return askAddress(this.view, address, access, scope);
  }

  /** The map of an address space, or of a part: at most a million ranges. */
  async map(scope: MapScope = {}): Promise<GuestMap> {
    return takeMap(this.view, scope);
  }

  /** The Linux in the guest. @throws as `GuestView.linux`. */
  async linux(cpu = 0): Promise<Linux> {
    return this.view.linux(cpu);
  }

  /** @throws as `GuestView.readVirtual`. */
  async readVirtual(address: bigint, lengthBytes: number, scope: TranslateScope = {}): Promise<Uint8Array> {
    requireAddress(address, 'readVirtual');
    return this.view.readVirtual(address, lengthBytes, scope);
  }

  /** Eight bytes as a number, the lowest first: a pointer, an entry of a table. @throws as `GuestView.readVirtual`. */
  async readU64(address: bigint, scope: TranslateScope = {}): Promise<bigint> {
    requireAddress(address, 'readU64');
    const { buffer, byteOffset } = await this.view.readVirtual(address, 8, scope);
    return new DataView(buffer, byteOffset).getBigUint64(0, true);
  }

  /** @throws as `GuestView.readPhysical`. */
  async readPhysical(address: bigint, lengthBytes: number): Promise<Uint8Array> {
    requireAddress(address, 'readPhysical');
    return this.view.readPhysical(address, lengthBytes);
  }

  /** @throws as `GuestView.writeVirtual`. */
  async writeVirtual(address: bigint, bytes: Uint8Array, scope: TranslateScope = {}): Promise<void> {
    requireAddress(address, 'writeVirtual');
    return this.view.writeVirtual(address, bytes, scope);
  }

  /** @throws as `GuestView.writePhysical`. */
  async writePhysical(address: bigint, bytes: Uint8Array): Promise<void> {
    requireAddress(address, 'writePhysical');
    return this.view.writePhysical(address, bytes);
  }

  /**
   * Clears A and D in the entry that maps a page: what is set in it afterwards is what the guest has done since.
   *
   * @param scope - whose address space: `cpu`, `cr3`
   * @returns whether TLBs were flushed too: those of emulated processors (TCG) are. Another one may have the page's translation in
   * its TLB, and then sets no bit until the guest flushes that.
   * @throws QemuOptionError `ERR_TESTING_OPTION` where no entry maps the page; as `GuestView.writePhysical`.
   */
  async clearUsage(address: bigint, scope: TranslateScope = {}): Promise<boolean> {
    requireAddress(address, 'clearUsage');
    const answer = await askAddress(this.view, address, {}, scope);
    const leaf = leafOf(answer.translation);
    if (leaf === undefined || answer.nested !== null) {
      const why = leaf === undefined ? 'no entry maps the page' : 'not of a nested guest';
      throw new QemuOptionError(`clearUsage() clears A and D of a page: ${why}\n\n${showAnswer(answer)}`);
    }
    const { accessed, dirty } = leaf.usageBits;
    const [low = 0] = await this.view.readPhysical(leaf.address, 1, answer.cpu);
    // Both bits are in the lowest byte of an entry that is not of a second stage.
    const cleared = low & ~Number(accessed | dirty);
    if (cleared !== low) await this.view.writePhysical(leaf.address, Uint8Array.of(cleared), answer.cpu);
    return this.#guest.flushTranslations();
  }

  /** The registers of a vCPU, by GDB's names of them. */
  async registers(cpu = 0): Promise<Readonly<Record<string, bigint>>> {
    this.#requirePaused();
    return (await describeStop(this.#guest, cpu)).registers;
  }

  /** Sets a breakpoint at a linear address for {@link PausedGuest.run}. It is in QEMU only while the guest runs there. */
  breakpoint(address: bigint): void {
    requireAddress(address, 'breakpoint');
    this.#requirePaused();
    this.#breakpoints.add(BigInt.asUintN(64, address));
  }

  /**
   * Lets the guest run in the middle of this pause, until it comes to a breakpoint. Nothing else can be asked here meanwhile.
   *
   * @throws GuestRunError `ERR_TESTING_RUN` where it does not in time: it is paused again all the same.
   */
  async run({ signal, ...options }: RunUntilOptions = {}): Promise<GuestStop> {
    signal?.throwIfAborted();
    return this.#whileRunning('run', async (early) => {
      const abandon = () => early.abort(signal?.reason);
      signal?.addEventListener('abort', abandon);
      try {
        const breakpoints = [...this.#breakpoints];
        return await runTo(this.#guest, breakpoints, { ...options, signal: early.signal }, this.#tail);
      } finally {
        signal?.removeEventListener('abort', abandon);
      }
    });
  }

  /** Lets a vCPU execute one instruction, while the others stay. */
  async step(cpu = 0, { timeoutMs = 5000 }: Pick<RunUntilOptions, 'timeoutMs'> = {}): Promise<GuestStop> {
    return this.#whileRunning('step', async ({ signal }) => {
      await this.#guest.run({ breakpoints: [], timeoutMs, step: cpu, signal });
      return describeStop(this.#guest, cpu);
    });
  }

  /** The pause is over: what still lets the guest run is interrupted, and nothing can be asked here any more. @internal */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#running?.early.abort(overError());
    await this.#running?.ended.catch(() => {});
  }

  async #whileRunning<T>(name: Running['name'], work: (early: AbortController) => Promise<T>): Promise<T> {
    this.#requirePaused();
    const early = new AbortController();
    const ended = work(early).finally(async () => {
      this.#view = await this.#guest.pause();
    });
    this.#running = { name, early, ended };
    try {
      return await ended;
    } finally {
      this.#running = undefined;
    }
  }

  #requirePaused(): void {
    if (this.#isOver) throw overError();
    if (this.#running === undefined) return;
    throw new QemuOptionError(
      `the guest runs now: ${this.#running.name}() has to be awaited before anything else is asked`,
    );
  }
}

function overError(): QemuOptionError {
  return new QemuOptionError('the pause is over: is everything that whilePaused() does awaited?');
}
