/** The sweep cannot be made as it was asked for. */
export class SweepError extends Error {
  override readonly name = 'SweepError';
}
