/**
 * What this layer refuses.
 *
 * ```
 * LinuxError
 *  ├─ LinuxDataError    ERR_LINUX_DATA    guest memory, a file or a cache does not hold what it should
 *  └─ LinuxLookupError  ERR_LINUX_LOOKUP  there is no such symbol, process or member, or more than one
 * ```
 *
 * @packageDocumentation
 */

/** Root of this layer's errors. @public */
export abstract class LinuxError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;
}

/** Guest memory, a file or a cache does not hold what it should: it may be damaged, or made to mislead. @public */
export class LinuxDataError extends LinuxError {
  override readonly name = 'LinuxDataError';
  readonly code = 'ERR_LINUX_DATA';
  /** What was read: `kallsyms`, `BTF`, `the list of tasks`. */
  readonly what: string;

  constructor(what: string, problem: string) {
    super(`${what}: ${problem}`);
    this.what = what;
  }
}

/** There is no such symbol, process or member of a structure, or more than one. @public */
export class LinuxLookupError extends LinuxError {
  override readonly name = 'LinuxLookupError';
  readonly code = 'ERR_LINUX_LOOKUP';
  /** As it was asked for. */
  readonly wanted: string;
  /** What it may have meant, where there are several. */
  readonly candidates: readonly string[];

  constructor(wanted: string, message: string, candidates: readonly string[] = []) {
    super(message);
    this.wanted = wanted;
    this.candidates = candidates;
  }
}
