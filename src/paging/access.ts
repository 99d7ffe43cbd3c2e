import { ACCESS_EXEC, ACCESS_IMPLICIT, ACCESS_USER, ACCESS_WRITE } from './architecture.ts';
import { PagingInputError } from './errors.ts';

/**
 * The access that a translation is asked for. All false is a supervisor read. The access is judged by what is said here, not
 * by the CPL of the vCPU.
 *
 * @public
 */
export interface Access {
  /** A data write. Excludes `exec`. */
  readonly write: boolean;
  /** A user-mode access (CPL 3); otherwise a supervisor-mode access. */
  readonly user: boolean;
  /** An instruction fetch. Excludes `write`. */
  readonly exec: boolean;
  /**
   * A supervisor access that the processor makes by itself to a system structure (GDT, LDT, IDT, TSS): RFLAGS.AC does not
   * lift SMAP for it. SDM vol. 3A, 4.6. Excludes `user`.
   */
  readonly implicit?: boolean;
}

/**
 * @throws {@link PagingInputError} `ERR_PAGING_ACCESS` for a write that is also a fetch, or an implicit access by a user.
 * @internal
 */
export function encodeAccess(access: Access): number {
  if (access.write && access.exec) {
    throw new PagingInputError('ERR_PAGING_ACCESS', 'an access is a write or an instruction fetch, not both');
  }
  if (access.implicit && (access.user || access.exec)) {
    throw new PagingInputError('ERR_PAGING_ACCESS', 'an implicit access is a supervisor data access');
  }
  return (
    (access.write ? ACCESS_WRITE : 0) |
    (access.user ? ACCESS_USER : 0) |
    (access.exec ? ACCESS_EXEC : 0) |
    (access.implicit ? ACCESS_IMPLICIT : 0)
  );
}

/** @internal */
export function decodeAccess(access: number): Access {
  const explicit = {
    write: (access & ACCESS_WRITE) !== 0,
    user: (access & ACCESS_USER) !== 0,
    exec: (access & ACCESS_EXEC) !== 0,
  };
  return access & ACCESS_IMPLICIT ? { ...explicit, implicit: true } : explicit;
}
