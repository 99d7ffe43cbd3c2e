/**
 * Lets in what has arrived on sockets. Without a turn of the event loop nothing does, and reading memory of this host takes none.
 *
 * @internal
 */
export function hearNews(): Promise<void> {
  // One to end the turn that runs, one to come after the sockets of the next.
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
