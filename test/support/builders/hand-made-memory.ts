import type { ReferenceMemory } from '../reference/reference-translation.ts';

/**
 * Memory of a few 8-byte entries by address (4-byte ones read the low half), zero elsewhere below 1 MiB and nothing above: for
 * tests whose every address was worked out by hand, so that neither a table builder nor a walker is asked.
 *
 * @internal
 */
export function memoryOf(entries: Readonly<Record<string, bigint>>): ReferenceMemory {
  const byAddress = new Map(Object.entries(entries).map(([address, value]) => [BigInt(address), value]));
  return {
    readEntry: (address, size) =>
      address >= 0x10_0000n ? null : BigInt.asUintN(size * 8, byAddress.get(address) ?? 0n),
  };
}
