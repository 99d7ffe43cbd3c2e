/**
 * What is used of an `AbortSignal`, which is one. That type is Node's or the DOM's, and a program may have the types of neither.
 *
 * @public
 */
export interface AbandonSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** Throws the reason, if it has fired. */
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
