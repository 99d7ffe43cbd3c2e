/** The suite cannot do what it was asked for: a wrong option, a guest that does not start. What it judges is never thrown. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
  readonly code = 'ERR_TORTURE';
}
