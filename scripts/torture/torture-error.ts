/** The suite cannot do what it was asked for: a wrong option, a guest that does not start. What it judges is never thrown. */
export class TortureError extends Error {
  override readonly name: string = 'TortureError';
  readonly code = 'ERR_TORTURE';
}

/** What a suite needs is not on this machine. Run beside others it is named and left out; run by itself it fails. */
export class LackingError extends TortureError {
  override readonly name = 'LackingError';
}
