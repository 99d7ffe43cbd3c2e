import {
  createContext,
  type EntrySource,
  type PagingRegisters,
  type ProcessorFeatures,
  REGISTER_BITS,
  RFLAGS_AC,
  translate,
} from '../../paging/index.ts';
import type { HvOverrides } from './hv-checks.ts';
import type { HvWalk } from './hv-translate.ts';

/** What CR4 has the mode of an access checked for beyond U/S. */
const MODE_CHECKS = REGISTER_BITS.CR4.SMEP | REGISTER_BITS.CR4.SMAP | REGISTER_BITS.CR4.LASS;

/**
 * The walk of {@link hvTranslate} over tables in memory.
 *
 * @param registers - of the vCPU, in the VTL that is meant
 * @param gva - of at most 64 bits
 * @public
 */
export function hvWalkInMemory(
  registers: PagingRegisters,
  processor: ProcessorFeatures,
  memory: EntrySource,
  gva: bigint,
): HvWalk {
  return (access, overrides) =>
    translate(createContext(hvRegisters(registers, overrides), processor), memory, gva, access);
}

/** Registers as the control flags have them. @public */
export function hvRegisters(registers: PagingRegisters, { ac, ignoresMode }: HvOverrides): PagingRegisters {
  const { rflags = 0n, cr4 } = registers;
  return {
    ...registers,
    rflags: ac === undefined ? rflags : ac ? rflags | RFLAGS_AC : rflags & ~RFLAGS_AC,
    cr4: ignoresMode ? cr4 & ~MODE_CHECKS : cr4,
  };
}
