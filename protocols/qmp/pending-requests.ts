import { timerMs } from '../transport/internal.ts';

/** The frames above the table, put into words when they are first read: nearly no request fails. */
interface CallSite {
  stack?: string;
}

interface Pending {
  readonly label: string;
  readonly callSite: CallSite;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** How to make the error of a request from its label. @internal */
export type ErrorFactory = (label: string) => Error;

/**
 * The requests whose replies have not come. Each is settled exactly once: by its reply, by its timeout, or by the end of
 * the connection.
 *
 * @internal
 */
export class PendingRequests {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Opens an entry.
   *
   * @param label - the command, for messages.
   * @param timeout - `makeError` is called if `timeoutMs` pass without a reply.
   */
  create(
    label: string,
    timeout: { timeoutMs: number; makeError: ErrorFactory },
  ): { id: number; reply: Promise<unknown> } {
    const id = ++this.#lastId;
    const callSite = captureCallSite();
    const reply = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.reject(id, timeout.makeError), timerMs(timeout.timeoutMs));
      this.#pending.set(id, { label, callSite, timer, resolve, reject });
    });
    return { id, reply };
  }

  /** Returns whether anyone was waiting for this id. */
  resolve(id: number, value: unknown): boolean {
    const pending = this.#take(id);
    pending?.resolve(value);
    return pending !== undefined;
  }

  /** Returns whether anyone was waiting for this id. */
  reject(id: number, makeError: ErrorFactory): boolean {
    const pending = this.#take(id);
    if (pending === undefined) return false;
    const error = makeError(pending.label);
    // The error arises where bytes arrive; the person reading it wants to know who asked.
    error.stack = `${error.name}: ${error.message}\n${framesOf(pending.callSite)}`;
    pending.reject(error);
    return true;
  }

  /** Rejects everything. */
  clear(makeError: ErrorFactory): void {
    for (const id of [...this.#pending.keys()]) this.reject(id, makeError);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }
}

function captureCallSite(): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, PendingRequests.prototype.create);
  return site;
}

/** Without a first line. */
function framesOf({ stack = '' }: CallSite): string {
  return stack.split('\n').slice(1).join('\n');
}
