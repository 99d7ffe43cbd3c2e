import type { TraceSink } from '../../../../protocols/transport/index.ts';
import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Unneeded } from '../../../guest/internal.ts';
import type { OptionTable } from '../option-row.ts';
import type { ParsedOptions } from '../parse-options.ts';

/** How a guest is to be opened. @internal */
export interface OpenOptions {
  /** Read memory from this host, where it has it. */
  readonly hostMemory: boolean;
  /** What of it the question hardly needs. */
  readonly unneeded?: Unneeded;
  /** It is asked while it runs, and must not be paused. */
  readonly live: boolean;
  readonly trace: TraceSink | undefined;
  /** Guest memory may be written beyond A and D that a translation sets: the user has said so. */
  readonly allowWrites?: boolean;
  /** Stops opening. */
  readonly signal: AbortSignal;
  /** What is going to be asked in the pause, for a source that can rehearse it; undefined where there is no pause. */
  readonly rehearsal?: ((view: GuestView) => Promise<unknown>) | undefined;
}

/** A guest that a command line names. Nothing is opened yet. @internal */
export interface NamedGuest {
  /** Why it cannot be asked while it runs, as a complaint about `--live`; null where it can. */
  readonly whyNotLive: string | null;
  /** Why no bit can be set in it, as a complaint; absent where one can. */
  readonly whyNotWritable?: string;
  /**
   * Says at once what is missing, before something else is waited for that the guest is to be asked. Nothing is opened.
   *
   * @throws as `open` would.
   */
  expectThere?(): void | Promise<void>;
  open(how: OpenOptions): Promise<OpenGuest>;
}

/**
 * A place that guests come from, as command lines name it: one file here for each, and one line in `sources.ts`.
 *
 * @internal
 */
export interface CommandLineSource {
  /** The options that name a guest of it. */
  readonly options: OptionTable;
  /** How they are to be given, for when no guest is named: `--qmp ENDPOINT`. */
  readonly usage: string;
  /**
   * Nothing is opened.
   *
   * @returns undefined where the command line names no guest of it
   * @throws UsageError `ERR_CLI_USAGE`.
   */
  parse(
    parsed: ParsedOptions,
    environment: Readonly<Record<string, string | undefined>>,
    command: string,
  ): NamedGuest | undefined;
}
