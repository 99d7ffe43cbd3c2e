/** What our own pause looks like; and what it looks like once another client has reset the machine in it. */
const OUR_PAUSES = new Set(['paused', 'prelaunch']);

/**
 * Whether a guest that ran before it was paused is still in that pause, and to be resumed: from any other state another client's
 * business must be left alone. A machine that is reset while it is paused waits for `cont` as one that was never started.
 *
 * @param status - QEMU's word for the run state
 * @internal
 */
export function isOurPause(status: string): boolean {
  return OUR_PAUSES.has(status);
}
