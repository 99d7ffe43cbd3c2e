/**
 * Leaves a guest after something has failed. Who asked must hear of both where leaving it fails too: it may still be paused.
 *
 * @throws `error`; an AggregateError of it and of what leaving failed with.
 * @internal
 */
export async function leaveAfter(error: unknown, leave: () => Promise<void>): Promise<never> {
  try {
    await leave();
  } catch (leaving) {
    throw new AggregateError([error, leaving], messageOf(leaving));
  }
  throw error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
