import {
  effectiveTypes,
  type ReferenceCacheBits,
  type ReferenceMemoryType,
  type ReferenceMemoryTypes,
  referenceMtrrType,
  referencePatType,
} from './reference-memory-type.ts';

/** What the leaf of the second stage says, as its format has it. @internal */
export type ReferenceNestedLeaf =
  | { kind: 'npt'; bits: ReferenceCacheBits }
  | { kind: 'ept'; memoryType: ReferenceMemoryType; ignorePat: boolean };

/** The hypervisor's PAT, and its CR0 at VMRUN. @internal */
export interface ReferenceHost {
  pat: bigint;
  cr0: bigint;
}

/** Rows by the first column, columns by the first line. */
function tableOf(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const [heads = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  return new Map(
    rows.map(([name = '', ...cells]) => [name, new Map(cells.map((cell, at) => [heads[at] ?? '', cell]))]),
  );
}

/** APM vol. 2, 15.25.8, table 15-19, as printed: rows by the guest's PAT type, columns by the host's. @internal */
export const guestAndHost = tableOf(`
        UC   UC-  WC   WP   WT   WB
  UC    UC   UC   UC   UC   UC   UC
  UC-   UC   UC-  WC   UC   UC   UC
  WC    WC   WC   WC   WC+  WC+  WC+
  WP    UC   UC   UC   WP   UC   WP
  WT    UC   UC   UC   UC   WT   WT
  WB    UC   UC   WC   WP   WT   WB
`);

/** The same, table 15-20: rows by what that makes, columns by the MTRR. @internal */
export const patAndMtrr = tableOf(`
        UC   WC   WP   WT   WB
  UC    UC   CD   CD   CD   CD
  UC-   UC   WC   CD   CD   CD
  WC    WC   WC   WC   WC   WC
  WC+   WC   WC   WC+  WC+  WC+
  WP    UC   CD   WP   CD   WP
  WT    UC   CD   CD   WT   WT
  WB    UC   WC   WP   WT   WB
`);

/** What HV_CACHE_TYPE can say: it knows neither CD nor WC+. APM vol. 2, 7.4.1 and 15.25.8: uncached, and combining. */
const spoken: Readonly<Record<string, ReferenceMemoryType>> = { CD: 'UC', 'WC+': 'WC' };

/** @internal */
export function lookUp(table: typeof guestAndHost, row: string, column: string): string {
  const cell = table.get(row)?.get(column);
  if (cell === undefined) {
    throw new RangeError(`the table has no ${row} and ${column}`);
  }
  return cell;
}

/**
 * The type of memory that a guest's access has through both stages. SDM vol. 3C, 29.3.7.2; APM vol. 2, 15.25.8.
 *
 * @param registers - the guest's PAT and CR0, the processor's MTRRs
 * @param guest - null while the guest does not page
 * @param physical - the address in the host
 * @internal
 */
export function referenceNestedMemoryType(
  registers: ReferenceMemoryTypes,
  host: ReferenceHost,
  guest: ReferenceCacheBits | null,
  nested: ReferenceNestedLeaf,
  physical: bigint,
): ReferenceMemoryType {
  const cd = 1n << 30n;
  const byGuest = guest === null ? 'WB' : referencePatType(registers.pat, guest);
  if (nested.kind === 'ept') {
    if ((registers.cr0 & cd) !== 0n) {
      return 'UC';
    }
    return nested.ignorePat ? nested.memoryType : effectiveTypes[nested.memoryType][byGuest];
  }
  if ((registers.cr0 & cd) !== 0n || (host.cr0 & cd) !== 0n) {
    return 'UC';
  }
  const combined = lookUp(guestAndHost, byGuest, referencePatType(host.pat, nested.bits));
  const type = lookUp(patAndMtrr, combined, referenceMtrrType(registers, physical));
  return spoken[type] ?? (type as ReferenceMemoryType);
}
