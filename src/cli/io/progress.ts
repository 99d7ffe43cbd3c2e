import type { CliContext } from '../options/command.ts';

/** What is done sooner needs no bar. */
const PATIENCE_MS = 1000;
/** Faster than this is unreadable. */
const INTERVAL_MS = 100;
const BAR_WIDTH = 30;

/** Shows on a terminal how far something is, if it takes long. @internal */
export class Progress {
  readonly #show: CliContext['showStatus'];
  readonly #what: string;
  readonly #now: () => number;
  #nextMs: number;
  #isShown = false;

  /** @param what - goes before the bar: `reading page tables` */
  constructor(
    { showStatus }: Pick<CliContext, 'showStatus'>,
    what: string,
    now: () => number = () => performance.now(),
  ) {
    this.#show = showStatus;
    this.#what = what;
    this.#now = now;
    this.#nextMs = now() + PATIENCE_MS;
  }

  /** How far it is; `total` may grow. */
  readonly report = (done: number, total: number): void => {
    if (this.#show === undefined || this.#now() < this.#nextMs) return;
    this.#nextMs = this.#now() + INTERVAL_MS;
    this.#isShown = true;
    this.#show(formatProgress(this.#what, done, total));
  };

  /** Takes the bar away. */
  end(): void {
    if (this.#isShown) this.#show?.('');
    this.#isShown = false;
  }
}

/** `reading page tables [#######-------] 1024 of 2048`. @internal */
export function formatProgress(what: string, done: number, total: number): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH);
  return `${what} [${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${done} of ${total}`;
}
