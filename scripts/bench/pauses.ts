import { QmpClient } from '../../protocols/qmp/index.ts';
import { attach, type Guest, type TranslateRequest } from '../../src/guest/index.ts';
import type { QemuProcess } from '../../src/testing/index.ts';
import { PauseClock } from '../demo/pause-clock.ts';
import type { Benchmark, Setting } from './benchmark.ts';
import { atMost, type Figure } from './figure.ts';
import { pickWritableAddress } from './mapped-addresses.ts';
import { RawMonitor } from './raw-monitor.ts';
import { median } from './statistics.ts';

const ROUNDS = 50;
const WITH_ALL_FLAGS = {
  access: { write: true, user: false, exec: false },
  flags: { setAccessed: true, setDirty: true, forceSetAccessed: true },
} as const;

async function writableAddress(guest: QemuProcess): Promise<bigint> {
  await using monitor = await RawMonitor.open(guest.witnessEndpoint);
  return pickWritableAddress(await monitor.hmp('info tlb'));
}

function endpointsOf(guest: QemuProcess): { readonly qmp: string; readonly gdb: string } {
  return { qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint };
}

async function measurePausesMs(clock: PauseClock, run: () => Promise<unknown>): Promise<readonly number[]> {
  const pauses: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) pauses.push((await clock.measure(run)).pauseMs);
  return pauses;
}

async function translateOnce(guest: Guest, request: TranslateRequest): Promise<void> {
  await guest.whilePaused((paused) => paused.translate([request]));
}

async function measureAttached(
  process: QemuProcess,
  clock: PauseClock,
  request: TranslateRequest,
): Promise<readonly number[]> {
  const guest = await attach(endpointsOf(process));
  try {
    await translateOnce(guest, request);
    return await measurePausesMs(clock, () => translateOnce(guest, request));
  } finally {
    await guest.detach();
  }
}

function measureAttaching(
  process: QemuProcess,
  clock: PauseClock,
  request: TranslateRequest,
): Promise<readonly number[]> {
  return measurePausesMs(clock, async () => {
    const guest = await attach(endpointsOf(process));
    try {
      await (await guest.pause()).translate([request]);
    } finally {
      await guest.detach();
    }
  });
}

function describe(name: string, pausesMs: readonly number[], limitMs: number): Figure {
  return {
    name,
    value: median(pausesMs),
    unit: 'ms',
    bar: atMost(limitMs),
    details: { pauses: pausesMs.length, shortestMs: Math.min(...pausesMs), longestMs: Math.max(...pausesMs) },
  };
}

async function run({ linux }: Setting): Promise<readonly Figure[]> {
  const process = await linux.running('4-level');
  const request = { linearAddress: await writableAddress(process), ...WITH_ALL_FLAGS };
  const qmp = await QmpClient.connect(process.witnessEndpoint);
  try {
    const clock = new PauseClock(qmp);
    const attached = await measureAttached(process, clock, request);
    const attaching = await measureAttaching(process, clock, request);
    return [
      describe('pause for one translation that sets bits, attached before', attached, 2),
      describe('pause for the same with attaching and detaching', attaching, 6),
    ];
  } finally {
    await qmp.close();
  }
}

/** How long a running Linux guest stands still, by QEMU's own clock. */
export const pauses: Benchmark = { name: 'pauses', run };
