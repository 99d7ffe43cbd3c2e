import { descriptorCount, residentBytes } from '../rig/processes.ts';
import type { TortureGuest } from '../rig/torture-guest.ts';

/** What must not grow with the number of runs. */
export interface Footprint {
  readonly qemuDescriptors: number;
  readonly qemuBytes: number;
  readonly chardevs: number;
  readonly clientDescriptors: number;
  readonly clientHeapBytes: number;
  readonly clientResources: number;
}

/** What a guest and this process hold now. */
export async function measure(guest: TortureGuest): Promise<Footprint> {
  (globalThis as { gc?: () => void }).gc?.();
  return {
    qemuDescriptors: descriptorCount(guest.qemu.pid),
    qemuBytes: residentBytes(guest.qemu.pid),
    chardevs: ((await guest.monitor.execute('query-chardev')) as unknown[]).length,
    clientDescriptors: descriptorCount(process.pid),
    clientHeapBytes: process.memoryUsage().heapUsed,
    clientResources: process.getActiveResourcesInfo().length,
  };
}

/** Memory may settle; a descriptor more at the moment of looking is on its way out. */
const MOST_MORE: Footprint = {
  qemuDescriptors: 2,
  qemuBytes: 24 << 20,
  chardevs: 0,
  clientDescriptors: 2,
  clientHeapBytes: 24 << 20,
  clientResources: 3,
};

/** What grew between two looks. */
export function growth(early: Footprint, late: Footprint): readonly string[] {
  return (Object.keys(MOST_MORE) as (keyof Footprint)[])
    .filter((name) => late[name] - early[name] > MOST_MORE[name])
    .map((name) => `${name} grew from ${early[name]} to ${late[name]}`);
}
