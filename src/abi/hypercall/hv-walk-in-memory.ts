import {
  createContext,
  type EntrySource,
  type PagingRegisters,
  type ProcessorFeatures,
  RFLAGS_AC,
  translate,
} from '../../paging/index.ts';
import type { HvWalk } from './hv-translate.ts';

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
  return (access, { ac }) => {
    const { rflags = 0n } = registers;
    const changed = ac === undefined ? rflags : ac ? rflags | RFLAGS_AC : rflags & ~RFLAGS_AC;
    return translate(createContext({ ...registers, rflags: changed }, processor), memory, gva, access);
  };
}
