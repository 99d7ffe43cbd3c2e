import { QemuOptionError } from '../errors.ts';

/** @throws QemuOptionError `ERR_TESTING_OPTION` for what is no bigint, as plain JavaScript may give. @internal */
export function requireAddress(address: unknown, method: string): asserts address is bigint {
  if (typeof address === 'bigint') return;
  const given = typeof address === 'number' ? `the number ${address}` : String(address);
  throw new QemuOptionError(`${method}() takes an address as a bigint, as in 0x1000n, and was given ${given}`);
}
