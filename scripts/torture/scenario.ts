/** What came of one case. */
export interface Outcome {
  /** What was done, in words that need no context. */
  readonly what: string;
  /** What it counts as, once for each. */
  readonly tags: readonly string[];
  /** What was not as it has to be; empty when all was. */
  readonly problems: readonly string[];
  /** How to do it again. */
  readonly again: string;
  readonly tookMs: number;
}

/** What a run of the suite is told. */
export interface TortureOptions {
  readonly seed: number;
  /** How many cases; what is usual for the suite when not given. */
  readonly count?: number;
  /** Only this case. */
  readonly only?: number;
  /** Only scenarios whose name contains this. */
  readonly named?: string;
  /** How many guests are worked on at once. */
  readonly lanes: number;
  readonly minutes?: number;
  /** Receives each outcome as it comes. */
  readonly report: (outcome: Outcome) => void;
}

/** A part of the suite. */
export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** It ends only when it is told to: it runs only when it is named. */
  readonly isEndless?: boolean;
  run(options: TortureOptions): Promise<void>;
}
