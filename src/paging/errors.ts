/**
 * Thrown for input that names no machine state: a register value wider than 64 bits, an impossible MAXPHYADDR, an access that
 * is both a write and a fetch. A translation that faults is not an error: it is an answer.
 *
 * @public
 */
export class PagingInputError extends RangeError {
  override readonly name = 'PagingInputError';
  readonly code:
    | 'ERR_PAGING_ACCESS'
    | 'ERR_PAGING_ADDRESS'
    | 'ERR_PAGING_REGISTER'
    | 'ERR_PAGING_PROCESSOR'
    | 'ERR_PAGING_EPTP'
    /** The state exists, and is not supported. */
    | 'ERR_PAGING_UNSUPPORTED';

  constructor(code: PagingInputError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
