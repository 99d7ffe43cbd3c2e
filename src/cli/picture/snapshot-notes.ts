import type { TableSnapshot } from '../../guest/index.ts';
import { formatHex } from '../../paging/index.ts';

/** There are no tables to go through. @internal */
export function describeOff(cpu: number): string {
  return `paging is off on vCPU ${cpu}: every linear address is the physical one`;
}

/** Nothing can be walked. @internal */
export function describeRoot({ context, nested }: TableSnapshot): string {
  if (nested !== null) {
    const where = `L2 physical ${formatHex(context.root)}`;
    return `the second stage refuses the root table at ${where}, or no memory holds it: nothing is known of this address space`;
  }
  return `the root table at ${formatHex(context.root)} is neither in RAM nor in ROM: nothing is known of this address space`;
}

/** No bits are set there by a processor. @param names - of ROM @internal */
export function describeRomTables(names: readonly string[]): string {
  return `page tables lie in ROM (${names.join(', ')}), where no A or D bit can be set`;
}

/** What is to be said of a snapshot before anything that it says. @internal */
export function snapshotNotes(snapshot: TableSnapshot): readonly string[] {
  const { state, tablesInRom } = snapshot;
  return [
    ...(snapshot.isPaged ? [] : [describeOff(state.cpu)]),
    ...(snapshot.isRootReadable ? [] : [describeRoot(snapshot)]),
    ...(snapshot.isWhole ? [] : ['there are more page tables than are kept: ask for a part with --range']),
    ...(tablesInRom.length === 0 ? [] : [describeRomTables(tablesInRom)]),
  ];
}
