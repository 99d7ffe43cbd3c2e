import { GuestView, givenSource } from '../../../src/guest/index.ts';
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
  type PagingRegisters,
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

const FEATURES = { maxPhyAddr: 46, vendor: 'intel', pse36: true, pdpe1gb: true } as const;

/** Everything that a walk can check is on: WP, SMEP, SMAP, XD, and protection keys of which some deny. */
function registersFor({ root }: SyntheticTables): PagingRegisters {
  const cr4 = CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_PKE;
  const keys = { pkru: 0x5555_5550 };
  // All that a walk may go by: what is not given is assumed, and costs a list of addresses another pass for each value that it may have.
  const given = { rflags: 2n, cpl: 3, a20: true };
  return { cr0: CR0_PG | CR0_WP, cr3: BigInt(root), cr4, efer: EFER_LMA | EFER_NXE, ...keys, ...given };
}

export function contextFor(tables: SyntheticTables): PagingContext {
  return createContext(registersFor(tables), FEATURES);
}

/** The same as a program asks it that has registers and memory: all addresses at once. @returns where they lead, as the baseline sums it up */
async function translateAll(tables: SyntheticTables, addresses: AddressList): Promise<Timed> {
  const view = new GuestView(
    givenSource({ vcpus: [{ registers: registersFor(tables), features: FEATURES }], memory: tables.memory }),
  );
  const numbers = new BigUint64Array(addresses.buffer, addresses.byteOffset, addresses.length / 2);
  const start = performance.now();
  const table = await view.translateMany(numbers, { write: true, user: true, exec: false });
  const elapsedMs = performance.now() - start;
  if (table.countMapped() !== numbers.length) throw new BenchError('an address was not found mapped');
  const checksum = table.columns.physical.reduce((sum, physical) => sum ^ (physical / 4096), 0) >>> 0;
  return { nsPerWalk: (elapsedMs * 1e6) / numbers.length, checksum: checksum.toString(16).padStart(8, '0') };
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

interface Timed {
  readonly nsPerWalk: number;
  readonly checksum: string;
}

interface Walks {
  /** Nanoseconds per walk against C whose walks are linked as ours are. */
  readonly linked: Comparison;
  /** The same against C that overlaps its walks. */
  readonly free: Comparison;
}

type Ours = () => Timed | Promise<Timed>;

async function measure(setting: Setting, tables: SyntheticTables, addresses: AddressList, ours: Ours): Promise<Walks> {
  const baseline = await WalkBaseline.compile(setting.directory, tables, addresses);
  let expected = '';
  const measureOurs = async (): Promise<number> => {
    const { nsPerWalk, checksum } = await ours();
    if (checksum !== expected) throw new BenchError(`the walks led to ${checksum}, those in C to ${expected}`);
    return nsPerWalk;
  };
  const measureBaseline = async (link: 'linked' | 'free'): Promise<number> => {
    const { nsPerWalk, checksum } = await baseline.walkAll(link);
    expected = checksum;
    return nsPerWalk;
  };
  await ours();
  return {
    linked: await compare(ROUNDS, measureOurs, () => measureBaseline('linked')),
    free: await compare(ROUNDS, measureOurs, () => measureBaseline('free')),
  };
}

/** A walk by itself, as one after the other is fed. */
function oneByOne(tables: SyntheticTables, addresses: AddressList): Ours {
  const walk = new Walk(contextFor(tables));
  const words = new Int32Array(tables.memory.buffer);
  return () => {
    const start = performance.now();
    const checksum = walkAll(walk, words, addresses, 0).toString(16).padStart(8, '0');
    return { nsPerWalk: ((performance.now() - start) * 1e6) / (addresses.length / 2), checksum };
  };
}

async function* run(setting: Setting): AsyncGenerator<Figure> {
  const tables = buildTables(PAGE_TABLES);
  const randomly = randomAddresses(tables, RANDOM_WALKS);
  const inSequence = sequentialAddresses(tables);
  const random = await measure(setting, tables, randomly, oneByOne(tables, randomly));
  const batch = await measure(setting, tables, randomly, () => translateAll(tables, randomly));
  const sequential = await measure(setting, tables, inSequence, oneByOne(tables, inSequence));
  yield* [
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
      name: 'translateMany in memory, random addresses over 8 MB of tables, against plain C, one after the other',
      value: batch.linked.ratio,
      unit: 'x',
      bar: atMost(2),
      details: { nsPerWalk: batch.linked.measured, nsPerWalkInC: batch.linked.baseline },
    },
    {
      name: 'the same against plain C whose walks overlap',
      value: batch.free.ratio,
      unit: 'x',
      bar: atMost(6),
      details: { nsPerWalk: batch.free.measured, nsPerWalkInC: batch.free.baseline },
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
