import type { Figure } from './figure.ts';
import type { LinuxGuests } from './guests/linux-guests.ts';

/** What a benchmark runs in. */
export interface Setting {
  /** For files; goes away with the run. */
  readonly directory: string;
  /** Linux guests, booted when first asked for. */
  readonly linux: LinuxGuests;
}

/** One thing to be measured, in one or several figures. */
export interface Benchmark {
  readonly name: string;
  /** Each figure as soon as it is known. */
  run(setting: Setting): AsyncIterable<Figure>;
}
