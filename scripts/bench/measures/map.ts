import { withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { BenchError } from '../bench-error.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import type { LinuxPaging } from '../guests/linux-guests.ts';
import type { RawMonitor } from '../guests/raw-monitor.ts';
import { whileStopped } from '../guests/stopped-guest.ts';
import { TlbListing } from '../guests/tlb-listing.ts';
import { compare, timeMs } from '../statistics.ts';

const ROUNDS = 9;

interface Mapped {
  readonly ms: number;
  readonly ranges: number;
  readonly leaves: number;
}

/** Registers and the memory map are read within the time: `info tlb` has to find out about both too. */
async function mapMs(guest: QemuProcess, hostMemory: boolean): Promise<Mapped> {
  return withPausedGuest(
    { qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint, hostMemory, maxPauseMs: Number.POSITIVE_INFINITY },
    async (paused) => {
      let ranges = 0;
      let leaves = 0;
      const ms = await timeMs(() =>
        paused.mapRanges((range) => {
          ranges += 1;
          leaves += range.leafCount;
          return true;
        }),
      );
      const { provider } = await paused.memoryReport();
      if (hostMemory === (provider === 'gdb-stub')) throw new BenchError(`memory was read by ${provider}`);
      return { ms, ranges, leaves };
    },
  );
}

async function listTlbMs(monitor: RawMonitor, expectedLeaves: number): Promise<number> {
  let listed = 0;
  const ms = await timeMs(async () => {
    listed = new TlbListing(await monitor.hmp('info tlb')).length;
  });
  if (listed !== expectedLeaves) throw new BenchError(`info tlb lists ${listed} pages, mapRanges ${expectedLeaves}`);
  return ms;
}

async function measure(guest: QemuProcess, paging: LinuxPaging, hostMemory: boolean): Promise<Figure> {
  return whileStopped(guest, async (monitor) => {
    const { leaves, ranges } = await mapMs(guest, hostMemory);
    const comparison = await compare(
      ROUNDS,
      async () => (await mapMs(guest, hostMemory)).ms,
      () => listTlbMs(monitor, leaves),
    );
    const how = hostMemory ? 'host memory' : 'stub only';
    return {
      name: `map of Linux, ${paging}, ${how}, against info tlb`,
      value: comparison.ratio,
      unit: 'x',
      bar: atMost(hostMemory ? 0.5 : 1),
      details: { mapMs: comparison.measured, infoTlbMs: comparison.baseline, leaves, ranges },
    };
  });
}

async function* run({ linux }: Setting): AsyncGenerator<Figure> {
  for (const paging of ['4-level', '5-level'] as const) {
    const guest = await linux.running(paging);
    yield await measure(guest, paging, false);
    yield await measure(guest, paging, true);
  }
}

/** A whole address space of a Linux guest. */
export const map: Benchmark = { name: 'map', run };
