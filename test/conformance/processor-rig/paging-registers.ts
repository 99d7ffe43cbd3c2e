import type { PagingRegisters } from '../../../src/paging/index.ts';
import type { ProbeKind } from './probe-kind.ts';
import type { ProbeRegisters } from './random-registers.ts';

const RFLAGS_AC = 0x4_0000;

/**
 * What the walker is told of a probe's registers. AC at CPL 3 is no word of the supervisor's: what the processor then does by
 * itself is not lifted by it.
 */
export function pagingRegisters(registers: ProbeRegisters, cr3: number, kind: ProbeKind): PagingRegisters {
  const { cr0, cr4, efer, flags, pkru, pkrs } = registers;
  const isImplicit = kind.accesses.some(({ access }) => access.implicit);
  const rflags = isImplicit && kind.user ? flags & ~RFLAGS_AC : flags;
  return {
    cr0: BigInt(cr0),
    cr3: BigInt(cr3),
    cr4: BigInt(cr4),
    efer: BigInt(efer),
    rflags: BigInt(rflags),
    pkru,
    pkrs,
  };
}
