import type { HvControlProblem } from './hv-control-problem.ts';

/**
 * A request that is refused before any walk, or bytes that are not its structure.
 *
 * ```
 * ERR_ABI_EINVAL             KVM_TRANSLATE2 would answer EINVAL
 * ERR_ABI_INVALID_PARAMETER  the hypercall would answer HV_STATUS_INVALID_PARAMETER (5)
 * ERR_ABI_ACCESS_DENIED      the hypercall would answer HV_STATUS_ACCESS_DENIED (6)
 * ERR_ABI_HYPERCALL_INPUT    the hypercall would answer HV_STATUS_INVALID_HYPERCALL_CODE (2) or _INPUT (3)
 * ERR_ABI_SIZE               not as many bytes as the structure has
 * ```
 *
 * @public
 */
export class AbiError extends Error {
  override readonly name = 'AbiError';
  readonly code:
    | 'ERR_ABI_EINVAL'
    | 'ERR_ABI_INVALID_PARAMETER'
    | 'ERR_ABI_ACCESS_DENIED'
    | 'ERR_ABI_HYPERCALL_INPUT'
    | 'ERR_ABI_SIZE';

  /** What is wrong with the control flags, where it is these. */
  readonly problem: HvControlProblem | undefined;

  constructor(code: AbiError['code'], message: string, problem?: HvControlProblem) {
    super(message);
    this.code = code;
    this.problem = problem;
  }
}
