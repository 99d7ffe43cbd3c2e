/**
 * A request that the ioctl would refuse as EINVAL, before any walk, or bytes that are not its structure.
 *
 * @public
 */
export class AbiError extends Error {
  override readonly name = 'AbiError';
  readonly code: 'ERR_ABI_EINVAL' | 'ERR_ABI_SIZE';

  constructor(code: AbiError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
