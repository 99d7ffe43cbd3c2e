import { type TranslationTable, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { BenchError } from '../bench-error.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atLeast, atMost, type Figure } from '../figure.ts';
import { FlightRecorder } from '../guests/flight-recorder.ts';
import { pickMappedAddresses } from '../guests/mapped-addresses.ts';
import type { RawMonitor } from '../guests/raw-monitor.ts';
import { readFlightsMs, whileStopped } from '../guests/stopped-guest.ts';
import { compare, timeMs } from '../statistics.ts';

const ADDRESSES = 10_000;
/** One `gva2gpa` takes half a millisecond; what so many take is what more would take. */
const QUERIES = 500;
const ROUNDS = 25;
const LEVELS = 4;
const READ = { write: false, user: false, exec: false } as const;

function requireFound(table: TranslationTable): void {
  let missed = 0;
  for (let at = 0; at < table.length; at += 1) {
    // SMAP keeps the kernel from the pages of a process.
    if (!table.isMapped(at) && table.cause(at) !== 'privilege-violation') missed += 1;
  }
  if (missed > 0) throw new BenchError(`${missed} addresses were not found mapped`);
}

/** With registers and memory map known already: neither depends on how many addresses there are. */
async function translateMs(guest: QemuProcess, addresses: BigUint64Array, recorder?: FlightRecorder): Promise<number> {
  return withPausedGuest(
    {
      qmp: guest.qmpEndpoint,
      gdb: guest.gdbEndpoint,
      hostMemory: false,
      maxPauseMs: Number.POSITIVE_INFINITY,
      ...(recorder ? { trace: recorder.trace } : {}),
    },
    async (paused) => {
      await paused.vcpuState();
      recorder?.reset();
      const start = performance.now();
      const table = await paused.translateMany(addresses, READ);
      const elapsedMs = performance.now() - start;
      requireFound(table);
      return elapsedMs;
    },
  );
}

async function queryMs(monitor: RawMonitor, addresses: BigUint64Array): Promise<number> {
  return timeMs(async () => {
    for (const address of addresses) await monitor.hmp(`gva2gpa 0x${address.toString(16)}`);
  });
}

async function* run({ linux }: Setting): AsyncGenerator<Figure> {
  const guest = await linux.running('4-level');
  yield* await whileStopped(guest, async (monitor): Promise<readonly Figure[]> => {
    const addresses = BigUint64Array.from(pickMappedAddresses(await monitor.hmp('info tlb'), ADDRESSES));
    const recorder = new FlightRecorder();
    await translateMs(guest, addresses, recorder);
    const { flights, bytes } = recorder;
    const reads = await compare(
      ROUNDS,
      () => translateMs(guest, addresses),
      () => readFlightsMs(guest, flights),
    );
    const queries = await compare(
      3,
      async () => QUERIES / (await queryMs(monitor, addresses.slice(0, QUERIES))),
      async () => ADDRESSES / (await translateMs(guest, addresses)),
    );
    return [
      {
        name: `${ADDRESSES} random addresses of Linux, stub only, against reading the same bytes`,
        value: reads.ratio,
        unit: 'x',
        bar: atMost(1.3),
        details: { translatingMs: reads.measured, readingMs: reads.baseline, packets: flights.flat().length, bytes },
      },
      {
        name: 'flights for that',
        value: flights.length,
        unit: 'flights',
        bar: atMost(LEVELS),
        details: { packetsInEach: flights.map((pieces) => pieces.length).join(' + ') },
      },
      {
        name: 'the same against gva2gpa, one after the other',
        value: 1 / queries.ratio,
        unit: 'x',
        bar: atLeast(100),
        details: { translationsPerMs: queries.baseline, queriesPerMs: queries.measured },
      },
    ];
  });
}

/** Many addresses of a Linux guest at once. */
export const randomAddresses: Benchmark = { name: 'random-addresses', run };
