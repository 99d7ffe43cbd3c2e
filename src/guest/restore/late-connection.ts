import { type QmpClient, queryChardev, queryStatus } from '../../../protocols/qmp/index.ts';
import { nowMs } from '../../../protocols/transport/internal.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { resumeByQmp } from '../resume/resume-by-qmp.ts';
import { isSamePrint, printRegisters, type RegisterPrints } from './register-prints.ts';
import { isStubBusy } from './stub-turn.ts';

/** Connections to a stub that got no answer: QEMU may take them up when their client has left, which pauses the guest each time. @internal */
export interface LateConnections {
  readonly stub: string;
  readonly count: number;
  /** The stub was seen to serve a client since: it may have been the one that counts. */
  readonly wasServed: boolean;
}

/** @internal */
export function addLate(before: LateConnections | undefined, more: LateConnections): LateConnections {
  return {
    ...more,
    count: (before?.count ?? 0) + more.count,
    wasServed: more.wasServed && before?.wasServed !== false,
  };
}

/** What is on its way for longer never comes: TCP ends its attempts then. */
const ON_ITS_WAY_MS = 130_000;
/** So long a debugger is waited for that the stub serves, and behind which a connection waits its turn. */
const QUEUED_MS = 600_000;

/**
 * Looks for a pause by a connection that QEMU has taken up late, and ends it. Nothing in QEMU tells who has paused a guest, so no more pauses are
 * ended than there were such connections; none in which a debugger was seen to hold the guest; and only as long as one may still come.
 *
 * @internal
 */
export class LateWatch {
  readonly #stub: string;
  readonly #begunMs = nowMs();
  #count: number;
  #wasServed: boolean;
  /** The registers of the guest while the stub served a client: who sees them again sees that client's pause. */
  #held: RegisterPrints | undefined;
  #isSecondLook = false;

  constructor({ stub, count, wasServed }: LateConnections) {
    this.#stub = stub;
    this.#count = count;
    this.#wasServed = wasServed;
  }

  /** What is seen of the guest may be a pause of the kind, which the next look settles. */
  get isSuspicious(): boolean {
    return this.#isSecondLook;
  }

  /** None may come any more. */
  get isOver(): boolean {
    return this.#count <= 0 || nowMs() - this.#begunMs > QUEUED_MS;
  }

  async look(qmp: QmpClient): Promise<void> {
    const [{ status, running }, chardevs] = await Promise.all([queryStatus(qmp), queryChardev(qmp)]);
    const isPaused = !running && isOurPause(status);
    const registers = isPaused ? printRegisters(await qmp.hmp('info registers -a')) : undefined;
    if (isStubBusy(chardevs, this.#stub)) {
      this.#wasServed = true;
      this.#held = registers;
      this.#isSecondLook = false;
      return;
    }
    const isHeld = this.#held !== undefined && registers !== undefined && isSamePrint(this.#held, registers);
    if (registers === undefined || isHeld) {
      this.#isSecondLook = false;
      // The queue is empty.
      if (this.#wasServed || (!running && !isPaused) || nowMs() - this.#begunMs > ON_ITS_WAY_MS) this.#count = 0;
      return;
    }
    // One look alone may fall into a pause of another client, which has yet to connect to the stub.
    if (this.#isSecondLook) {
      await resumeByQmp(qmp);
      this.#count -= 1;
    }
    this.#isSecondLook = !this.#isSecondLook;
  }
}
