import { AsyncLocalStorage } from 'node:async_hooks';
import { type AbandonSignal, timerMs } from '../../../../protocols/transport/internal.ts';
import { QemuOptionError } from '../../errors.ts';

/**
 * `look`: asks, in a pause that may be shared with others. `pause`: what a test does in a pause of its own. `save`: takes a
 * checkpoint. `run`: lets the guest run to an address. `change`: puts it elsewhere, or lets go of it.
 *
 * @internal
 */
export type TurnKind = 'look' | 'pause' | 'save' | 'run' | 'change';

/** What is done with a guest. @internal */
export interface Turn {
  /** The method's name, for errors. */
  readonly name: string;
  readonly kind: TurnKind;
}

interface OpenTurn extends Turn {
  isOver: boolean;
}

interface Waiting {
  readonly turn: OpenTurn;
  readonly begin: () => void;
}

/** Who holds a guest for longer has most likely forgotten it. Milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** What may be done in a pause besides what that hands over. */
const FOR_PAUSES: readonly TurnKind[] = ['look', 'pause', 'save'];

/**
 * Who has a guest now. What tests do with it comes one after the other, in the order in which it is asked for, but for looks, which
 * share a pause. What would wait for itself, since it is called inside of what it would wait for, is refused; so is what would wait
 * for a guest that runs to an address, as nothing says that it ever comes to it.
 *
 * @internal
 */
export class GuestTurns {
  /** Whose turn the code that calls is a part of, also behind its awaits. */
  readonly #inside = new AsyncLocalStorage<OpenTurn>();
  readonly #open = new Set<OpenTurn>();
  readonly #waiting: Waiting[] = [];
  readonly #longestWaitMs: number;
  #onIdle: (() => void)[] = [];

  constructor(longestWaitMs = LONGEST_WAIT_MS) {
    this.#longestWaitMs = longestWaitMs;
  }

  /** What is under way; undefined while nothing is. */
  get current(): Turn | undefined {
    const [first] = this.#open;
    return first;
  }

  /** Whether the code that calls is a part of what lets the guest run. */
  get isInsideRun(): boolean {
    return this.#outer?.kind === 'run';
  }

  /** @returns whether nothing is under way any more within this time */
  async becomesIdle(withinMs: number): Promise<boolean> {
    if (this.#open.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<true>((resolve) => this.#onIdle.push(() => resolve(true)));
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    return Promise.race([idle, late]).finally(() => clearTimeout(timer));
  }

  /**
   * Does something when its turn has come: at once inside of a pause, where it may be there.
   *
   * @param work - is told whether it is inside of another turn
   * @throws QemuOptionError `ERR_TESTING_OPTION` where it would wait for itself, or has waited too long; the signal's reason.
   */
  async take<T>(turn: Turn, work: (isInside: boolean) => Promise<T>, signal?: AbandonSignal): Promise<T> {
    signal?.throwIfAborted();
    const outer = this.#outer;
    if (outer !== undefined) {
      requireFit(turn, outer);
      return work(true);
    }
    const mine = { ...turn, isOver: false };
    await this.#begin(mine, signal);
    try {
      return await this.#inside.run(mine, () => work(false));
    } finally {
      mine.isOver = true;
      this.#open.delete(mine);
      this.#beginNext();
    }
  }

  /** Work that outlives its turn is a part of none. */
  get #outer(): OpenTurn | undefined {
    const outer = this.#inside.getStore();
    return outer?.isOver === false ? outer : undefined;
  }

  async #begin(turn: OpenTurn, signal: AbandonSignal | undefined): Promise<void> {
    for (const { kind, name } of this.#open) {
      if (kind !== 'run') continue;
      throw new QemuOptionError(
        `${turn.name}() is not for a guest that runs to an address: await ${name}(), or end it by its signal`,
      );
    }
    if (this.#waiting.length === 0 && this.#mayBegin(turn)) {
      this.#open.add(turn);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abandon);
      };
      const fail = (reason: unknown) => {
        leave();
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        // Looks behind it may share what is under way.
        this.#beginNext();
        reject(reason);
      };
      const waiting: Waiting = {
        turn,
        begin: () => {
          leave();
          resolve();
        },
      };
      const abandon = () => fail(signal?.reason);
      const timer = setTimeout(() => fail(this.#tooLong(turn)), timerMs(this.#longestWaitMs));
      signal?.addEventListener('abort', abandon);
      this.#waiting.push(waiting);
    });
  }

  #beginNext(): void {
    for (let [next] = this.#waiting; next !== undefined && this.#mayBegin(next.turn); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#open.add(next.turn);
      next.begin();
    }
    if (this.#open.size > 0) return;
    for (const tell of this.#onIdle.splice(0)) tell();
  }

  #mayBegin({ kind }: Turn): boolean {
    return this.#open.size === 0 || (kind === 'look' && [...this.#open].every((open) => open.kind === 'look'));
  }

  #tooLong({ name }: Turn): QemuOptionError {
    const others = [...new Set([...this.#open].map((open) => `${open.name}()`))].join(' and ');
    return new QemuOptionError(
      `${name}() has waited ${this.#longestWaitMs} ms for ${others}, which does not end: is it awaited, and what does it wait for?`,
    );
  }
}

function requireFit({ name, kind }: Turn, outer: Turn): void {
  if (outer.kind === 'look' && kind === 'look') return;
  if (outer.kind === 'pause' && FOR_PAUSES.includes(kind)) return;
  const instead =
    outer.kind === 'pause'
      ? 'use the methods of what that hands over, or call it afterwards'
      : 'call it before, or when that has ended';
  throw new QemuOptionError(`${name}() is not for the inside of ${outer.name}(): ${instead}`);
}
