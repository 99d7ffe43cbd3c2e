import { GuestRunStateError } from '../errors.ts';

/** Of a guest that ran for a moment and must not have. @internal */
export function strayed(endpoint: string, from: string): GuestRunStateError {
  return new GuestRunStateError(
    'ERR_GUEST_NOT_RESTORED',
    `another client brought the guest behind ${endpoint} into the state "${from}" in the moment in which it was resumed after our pause: it ran for that moment, and has been stopped again. If it was migrated, it runs elsewhere: do not resume it here`,
  );
}
