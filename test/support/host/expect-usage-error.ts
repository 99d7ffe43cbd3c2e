import { expect } from 'chai';
import { GuestUsageError } from '../../../src/guest/errors.ts';

/** Expects an error of usage with this message, and no more. Gives it. */
export function expectUsageError(act: () => unknown, message: string): GuestUsageError {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof GuestUsageError)) throw new Error(`no error of usage: ${String(thrown)}`);
  expect(thrown.message).to.equal(message);
  expect(thrown.code).to.equal('ERR_GUEST_USAGE');
  return thrown;
}
