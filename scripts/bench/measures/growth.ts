import { withPausedGuest } from '../../../src/guest/index.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { pickMappedAddresses } from '../guests/mapped-addresses.ts';
import { whileStopped } from '../guests/stopped-guest.ts';
import { buildTables } from '../guests/synthetic-tables.ts';
import { median, timeMs } from '../statistics.ts';
import { enumerateOnce } from './enumerate-tables.ts';

const ADDRESSES = [10, 100, 1000, 10_000, 100_000, 1_000_000] as const;
/** Page tables for about 10^4, 10^5, 10^6 and 10^7 entries. */
const PAGE_TABLES = [20, 195, 1953, 19_531] as const;
const ROUNDS = 5;
/** What is flat: repeated measurements on a busy machine differ by more than a tenth. */
const FLAT = 1.25;
const READ = { write: false, user: false, exec: false } as const;

/** The cost of one at each size, against the least cost at any smaller size: above 1 where it grew. */
function worstGrowth(costs: readonly number[]): number {
  return Math.max(...costs.slice(1).map((cost, at) => cost / Math.min(...costs.slice(0, at + 1))));
}

async function perAddressUs({ linux }: Setting): Promise<readonly number[]> {
  const guest = await linux.running('4-level');
  return whileStopped(guest, async (monitor) => {
    const all = BigUint64Array.from(pickMappedAddresses(await monitor.hmp('info tlb'), ADDRESSES.at(-1) ?? 0));
    const once = (count: number): Promise<number> =>
      withPausedGuest(
        { qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint, hostMemory: false, maxPauseMs: Number.POSITIVE_INFINITY },
        async (paused) => {
          await paused.vcpuState();
          const ms = await timeMs(() => paused.translateMany(all.subarray(0, count), READ));
          return (1000 * ms) / count;
        },
      );
    await once(100_000);
    const costs: number[] = [];
    for (const count of ADDRESSES) {
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) rounds.push(await once(count));
      costs.push(median(rounds));
    }
    return costs;
  });
}

function perEntryNs(): readonly number[] {
  return PAGE_TABLES.map((pageTables) => {
    const tables = buildTables(pageTables);
    enumerateOnce(tables);
    return median(Array.from({ length: ROUNDS }, () => 1e9 / enumerateOnce(tables)));
  });
}

function list(costs: readonly number[]): string {
  return costs.map((cost) => cost.toPrecision(3)).join(', ');
}

async function* run(setting: Setting): AsyncGenerator<Figure> {
  const addresses = await perAddressUs(setting);
  const entries = perEntryNs();
  yield* [
    {
      name: 'growth of the time for one address, from 10 addresses of Linux to 1,000,000',
      value: worstGrowth(addresses),
      unit: 'x',
      bar: atMost(FLAT),
      details: { usPerAddress: list(addresses) },
    },
    {
      name: 'growth of the time for one entry of an enumeration, from 10^4 to 10^7 entries',
      value: worstGrowth(entries),
      unit: 'x',
      bar: atMost(FLAT),
      details: { nsPerEntry: list(entries) },
    },
  ];
}

/** What more of the same costs. */
export const growth: Benchmark = { name: 'growth', run };
