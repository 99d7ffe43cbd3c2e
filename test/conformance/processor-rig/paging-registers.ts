import type { PagingRegisters } from '../../../src/paging/index.ts';
import type { ProbeKind } from './probe-kind.ts';
import type { ProbeRegisters } from './random/random-registers.ts';

/** What the walker is told of a probe's registers. */
export function pagingRegisters(registers: ProbeRegisters, cr3: number, kind: ProbeKind): PagingRegisters {
  const { cr0, cr4, efer, flags, pkru, pkrs } = registers;
  return {
    cr0: BigInt(cr0),
    cr3: BigInt(cr3),
    cr4: BigInt(cr4),
    efer: BigInt(efer),
    rflags: BigInt(flags),
    cpl: kind.cpl,
    pkru,
    pkrs,
  };
}
