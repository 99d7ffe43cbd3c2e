import type { PlannedBits } from '../../paging/index.ts';
import { GuestUsageError } from '../errors.ts';
import { type BitsOutcome, writeBits } from '../memory/write-bits.ts';
import type { Space } from './space.ts';

/**
 * Writes what was planned, where memory can be written.
 *
 * @returns what became of each entry, by its address
 * @throws GuestUsageError `ERR_GUEST_USAGE` when bits are to be set in a guest that runs.
 * @internal
 */
export async function writePlanned(
  planned: readonly PlannedBits[],
  { writable, map }: Space,
): Promise<ReadonlyMap<bigint, BitsOutcome>> {
  if (planned.length === 0) return new Map();
  if (writable === undefined) {
    throw new GuestUsageError(
      'accessed and dirty bits can be set only in a guest that is paused, or in memory that can be written',
    );
  }
  return writeBits(planned, writable, map);
}
