/** The demo has seen something else than it promises to show. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code = 'ERR_DEMO_SURPRISE';
}
