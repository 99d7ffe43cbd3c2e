import { PagingInputError } from '../errors.ts';
import {
  ACCESS_EXEC,
  ACCESS_IMPLICIT,
  ACCESS_SHADOW_STACK,
  ACCESS_USER,
  ACCESS_VIA_OTHER,
  ACCESS_VIA_SS,
  ACCESS_WRITE,
} from './architecture.ts';

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
   * lift SMAP for it. SDM vol. 3A, 4.6. Excludes `user`, `exec` and `shadowStack`.
   */
  readonly implicit?: boolean;
  /** A shadow-stack read or write (CALL, RET, WRSS …). Needs CR4.CET=1. SDM vol. 3A, 4.6.1. Excludes `exec`. */
  readonly shadowStack?: boolean;
  /**
   * The segment that the address is relative to: `ds-es` unless given. AMD's upper address ignore holds for DS and ES alone,
   * and a non-canonical address relative to SS is #SS instead of #GP.
   */
  readonly segment?: 'ds-es' | 'ss' | 'other';
}

function refuse(message: string): never {
  throw new PagingInputError('ERR_PAGING_ACCESS', message);
}

/**
 * @throws {@link PagingInputError} `ERR_PAGING_ACCESS` for kinds of access that exclude each other.
 * @internal
 */
export function encodeAccess(access: Access): number {
  const { write, user, exec, implicit = false, shadowStack = false, segment } = access;
  if (write && exec) refuse('an access is a write or an instruction fetch, not both');
  if (implicit && (user || exec || shadowStack)) refuse('an implicit access is an ordinary supervisor data access');
  if (shadowStack && exec) refuse('a shadow-stack access is a data access');
  return (
    (write ? ACCESS_WRITE : 0) |
    (user ? ACCESS_USER : 0) |
    (exec ? ACCESS_EXEC : 0) |
    (implicit ? ACCESS_IMPLICIT : 0) |
    (shadowStack ? ACCESS_SHADOW_STACK : 0) |
    (segment === 'ss' ? ACCESS_VIA_SS : segment === 'other' ? ACCESS_VIA_OTHER : 0)
  );
}

/** @internal */
export function decodeAccess(access: number): Access {
  return {
    write: (access & ACCESS_WRITE) !== 0,
    user: (access & ACCESS_USER) !== 0,
    exec: (access & ACCESS_EXEC) !== 0,
    ...(access & ACCESS_IMPLICIT ? { implicit: true } : {}),
    ...(access & ACCESS_SHADOW_STACK ? { shadowStack: true } : {}),
    ...(access & ACCESS_VIA_SS ? { segment: 'ss' as const } : {}),
    ...(access & ACCESS_VIA_OTHER ? { segment: 'other' as const } : {}),
  };
}
