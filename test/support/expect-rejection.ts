import { AssertionError } from 'chai';

/** The error that a promise is rejected with. Throws when it is fulfilled. */
export async function expectRejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new AssertionError(`rejected with something that is no error: ${String(error)}`);
  }
  throw new AssertionError('it should have been rejected');
}
