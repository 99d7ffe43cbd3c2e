import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PKE,
  CR4_SMAP,
  CR4_SMEP,
  createContext,
  EFER_LMA,
  EFER_NXE,
  OUTCOME,
  type PagingContext,
  Walk,
} from '../../../src/paging/internal.ts';
import { ACCESS_USER, ACCESS_WRITE } from '../../../src/paging/rules/architecture.ts';
import { BenchError } from '../bench-error.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atLeast, atMost, type Figure } from '../figure.ts';
import {
  type AddressList,
  buildTables,
  randomAddresses,
  type SyntheticTables,
  sequentialAddresses,
} from '../guests/synthetic-tables.ts';
import { type Comparison, compare } from '../statistics.ts';
import { WalkBaseline } from './walk-baseline.ts';

/** With the tables above them 2048 tables: 8 MB. */
const PAGE_TABLES = 2042;
const RANDOM_WALKS = 1_000_000;
const ROUNDS = 9;

/** Everything that a walk can check is on: WP, SMEP, SMAP, XD, and protection keys of which some deny. */
export function contextFor({ root }: SyntheticTables): PagingContext {
  const cr4 = CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_PKE;
  return createContext(
    { cr0: CR0_PG | CR0_WP, cr3: BigInt(root), cr4, efer: EFER_LMA | EFER_NXE, pkru: 0x5555_5550 },
    { maxPhyAddr: 46 },
  );
}

/**
 * Walks to each address, and sums up where the walks lead, as the baseline does.
 *
 * @param noBits - 0: links each walk to the one before, as the baseline does
 */
function walkAll(walk: Walk, words: Int32Array, addresses: AddressList, noBits: number): number {
  let checksum = 0;
  for (let at = 0; at < addresses.length; at += 2) {
    const low = (addresses[at] as number) ^ (checksum & noBits);
    let wantsEntry = walk.start(addresses[at + 1] as number, low, ACCESS_WRITE | ACCESS_USER);
    while (wantsEntry) {
      const slot = walk.wanted / 4;
      wantsEntry = walk.feed(words[slot] as number, words[slot + 1] as number);
    }
    if (walk.outcome !== OUTCOME.mapped) throw new BenchError(`a walk ended with outcome ${walk.outcome}`);
    checksum ^= walk.physical / 4096;
  }
  return checksum >>> 0;
}

interface Walks {
  /** Nanoseconds per walk against C whose walks are linked as ours are. */
  readonly linked: Comparison;
  /** The same against C that overlaps its walks. */
  readonly free: Comparison;
}

async function measure(setting: Setting, tables: SyntheticTables, addresses: AddressList): Promise<Walks> {
  const baseline = await WalkBaseline.compile(setting.directory, tables, addresses);
  const walk = new Walk(contextFor(tables));
  const words = new Int32Array(tables.memory.buffer);
  let expected = '';
  const measureOurs = (): number => {
    const start = performance.now();
    const checksum = walkAll(walk, words, addresses, 0).toString(16).padStart(8, '0');
    const elapsedMs = performance.now() - start;
    if (checksum !== expected) throw new BenchError(`the walks led to ${checksum}, those in C to ${expected}`);
    return (elapsedMs * 1e6) / (addresses.length / 2);
  };
  const measureBaseline = async (link: 'linked' | 'free'): Promise<number> => {
    const { nsPerWalk, checksum } = await baseline.walkAll(link);
    expected = checksum;
    return nsPerWalk;
  };
  walkAll(walk, words, addresses, 0);
  return {
    linked: await compare(ROUNDS, measureOurs, () => measureBaseline('linked')),
    free: await compare(ROUNDS, measureOurs, () => measureBaseline('free')),
  };
}

async function run(setting: Setting): Promise<readonly Figure[]> {
  const tables = buildTables(PAGE_TABLES);
  const random = await measure(setting, tables, randomAddresses(tables, RANDOM_WALKS));
  const sequential = await measure(setting, tables, sequentialAddresses(tables));
  return [
    {
      name: 'walk in memory, random addresses over 8 MB of tables, against plain C, one after the other',
      value: random.linked.ratio,
      unit: 'x',
      bar: atMost(2),
      details: { nsPerWalk: random.linked.measured, nsPerWalkInC: random.linked.baseline },
    },
    {
      name: 'the same against plain C whose walks overlap',
      value: random.free.ratio,
      unit: 'x',
      bar: null,
      details: { nsPerWalk: random.free.measured, nsPerWalkInC: random.free.baseline },
    },
    {
      name: 'walk in memory, sequential addresses',
      value: 1000 / sequential.linked.measured,
      unit: 'million/s',
      bar: atLeast(12),
      details: {
        nsPerWalk: sequential.linked.measured,
        nsPerWalkInC: sequential.linked.baseline,
        nsPerOverlappingWalkInC: sequential.free.baseline,
      },
    },
  ];
}

/** The walk alone, without anything around it. */
export const pureWalk: Benchmark = { name: 'pure-walk', run };
