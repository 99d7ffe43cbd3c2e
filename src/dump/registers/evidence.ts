import { CR4_LASS, createContext, type EntrySource, translate } from '../../paging/index.ts';
import type { WalkRegisters } from './dumped-vcpu.ts';

const READ = { write: false, user: false, exec: false };
/** The widest, so that no address bit is taken for a reserved one. */
const MAXPHYADDR = 52;
const EXECUTE_DISABLE = 1n << 63n;

/** What the tables say of an address, by a vCPU with a certain EFER. @internal */
export interface Reached {
  readonly isMapped: boolean;
  /** The entry on the way that has XD set, if one has. */
  readonly disabledBy: bigint | null;
}

/** Walks to an address that the processor uses: what it finds there says something of registers that are unknown. @internal */
export function reach(
  registers: WalkRegisters & { readonly a20?: boolean },
  efer: bigint,
  memory: EntrySource,
  address: bigint,
): Reached {
  // LASS refuses an address before any table is looked at.
  const { cr0, cr3, cr4, a20 = true } = registers;
  const context = createContext({ cr0, cr3, cr4: cr4 & ~CR4_LASS, efer, a20 }, { maxPhyAddr: MAXPHYADDR });
  const linear = BigInt.asUintN(context.linearBits === 32 ? 32 : 64, address);
  const translation = translate(context, memory, linear, READ);
  // SMAP and the like deny a page that is there.
  const isMapped = translation.kind === 'mapped' || translation.cause === 'privilege-violation';
  const disabling = translation.steps.find(
    ({ value, sizeBytes }) => sizeBytes === 8 && (value & EXECUTE_DISABLE) !== 0n,
  );
  return { isMapped, disabledBy: isMapped ? (disabling?.address ?? null) : null };
}
