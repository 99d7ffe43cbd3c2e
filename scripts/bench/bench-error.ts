/** A benchmark could not be run, or what it measured did not do the same work as what it was measured against. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
  readonly code = 'ERR_BENCH';
}
