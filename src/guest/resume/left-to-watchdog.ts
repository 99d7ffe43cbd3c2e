import { GuestRunStateError } from '../errors.ts';

/**
 * Of a guest that is or may be paused by us, and cannot be resumed from here.
 *
 * @param hasWatchdog - whether another process goes on trying
 * @param why - why it cannot be, as the end of a sentence
 * @internal
 */
export function leftToWatchdog(
  endpoint: string,
  hasWatchdog: boolean,
  why: string,
  options?: ErrorOptions,
): GuestRunStateError {
  const then = hasWatchdog ? 'The watchdog goes on trying for ten minutes' : 'Nothing goes on trying';
  return new GuestRunStateError(
    'ERR_GUEST_NOT_RESTORED',
    `the guest behind ${endpoint} may have been left paused, as ${why}. ${then}; check it with "info status", and "cont" if it should run`,
    options,
  );
}
