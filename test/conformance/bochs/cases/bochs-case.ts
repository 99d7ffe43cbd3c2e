import type { PagingRegisters } from '../../../../src/paging/index.ts';
import type { CaseKind } from './case-kind.ts';
import type { CaseMemory } from './case-memory.ts';

/** One access of a guest, with all that decides what comes of it. */
export interface BochsCase {
  readonly kind: CaseKind;
  readonly linear: bigint;
  /** Where the instruction is. */
  readonly code: bigint;
  readonly registers: PagingRegisters;
  /** Null for a guest without a second stage. */
  readonly ept: { readonly pointer: bigint; readonly modeBasedExecute: boolean } | null;
  readonly memory: CaseMemory;
}
