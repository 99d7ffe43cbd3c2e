import { expect } from 'chai';

/**
 * Checks what this project promises of each of its errors: an own name, a stable code of its layer, a message, and a cause
 * that is kept.
 */
export function expectErrorShape(error: Error & { readonly code?: unknown }, layer: string, cause?: unknown): void {
  expect(error).to.be.instanceOf(Error);
  expect(error.name).to.equal(error.constructor.name);
  expect(error.name).to.match(/Error$/);
  expect(error.code).to.match(new RegExp(`^ERR_${layer}_[A-Z_]+$`));
  expect(error.message)
    .to.not.equal('')
    .and.not.match(/undefined|NaN/);
  expect(error.stack).to.contain(`${error.name}: ${error.message}`);
  expect(error.cause).to.equal(cause);
}
