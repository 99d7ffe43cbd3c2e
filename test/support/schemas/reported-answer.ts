import {
  type Access,
  type BitFlags,
  createContext,
  type PagingRegisters,
  type ProcessorFeatures,
  planBits,
  translate,
} from '../../../src/paging/index.ts';
import type { ReportedAssumption, ReportedRegion, ReportedTranslation } from '../../../src/report/index.ts';

/** Registers that select a paging mode, everything allowed and enforced. */
export const REGISTERS = {
  off: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n },
  '32-bit': { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x10n, efer: 0n },
  pae: { cr0: 0x8001_0011n, cr3: 0x1020n, cr4: 0x20n, efer: 0x800n },
  '4-level': { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n },
  '5-level': { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x1020n, efer: 0xd00n },
} as const satisfies Record<string, PagingRegisters>;

/** A question, and the memory that answers it. */
export interface Case {
  readonly registers: PagingRegisters;
  readonly processor?: ProcessorFeatures;
  /** Entries by physical address; memory holds no others. */
  readonly entries: Readonly<Record<number, bigint>>;
  readonly linearAddress: bigint;
  readonly access?: Partial<Access>;
  readonly flags?: Partial<BitFlags>;
  /** Levels whose entries lie where nothing can be written. */
  readonly readOnlyLevels?: readonly number[];
  readonly region?: ReportedRegion;
  readonly inRom?: ReportedTranslation['inRom'];
  readonly deviation?: ReportedTranslation['deviation'];
  readonly assumed?: readonly ReportedAssumption[];
}

/** The answer as a guest would give it, walked by the real walker. */
export function answerOf(question: Case): ReportedTranslation {
  const { registers, processor = { maxPhyAddr: 40 }, entries, linearAddress, readOnlyLevels = [] } = question;
  const context = createContext(registers, processor);
  const access = { write: false, user: false, exec: false, ...question.access };
  const flags = { setAccessed: false, setDirty: false, forceSetAccessed: false, ...question.flags };
  const memory = { readEntry: (address: bigint) => entries[Number(address)] ?? null };
  const translation = translate(context, memory, linearAddress, access);
  const planned = planBits(translation, flags);
  const wrote = planned.filter(({ level }) => !readOnlyLevels.includes(level));
  return {
    request: { linearAddress, access, flags },
    cpu: 0,
    mode: context.mode,
    translation,
    wrote,
    bitsAreSet: wrote.length === planned.length,
    region: translation.kind === 'mapped' ? (question.region ?? { kind: 'ram', name: 'pc.ram' }) : null,
    deviation: question.deviation ?? null,
    nested: null,
    inRom: question.inRom ?? [],
    assumed: question.assumed ?? [],
  };
}
