import { QmpClient } from '../../../protocols/qmp/index.ts';
import { attach, type Guest, type TranslateRequest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { PauseClock } from '../../demo/pause-clock.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { pickWritableAddresses } from '../guests/mapped-addresses.ts';
import { RawMonitor } from '../guests/raw-monitor.ts';
import { median } from '../statistics.ts';

const ROUNDS = 50;
/** In a program that has just started the JIT compiler is still finding out what is worth its while. */
const WARM_UP_ROUNDS = 10;
const WITH_ALL_FLAGS = {
  access: { write: true, user: false, exec: false },
  flags: { setAccessed: true, setDirty: true, forceSetAccessed: true },
} as const;

/** Writable pages: the kernel's, and a process's, for which protection keys count. */
async function writableAddresses(guest: QemuProcess): Promise<{ readonly kernel: bigint; readonly user: bigint }> {
  await using monitor = await RawMonitor.open(guest.witnessEndpoint);
  return pickWritableAddresses(await monitor.hmp('info tlb'));
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
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await translateOnce(guest, request);
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

async function* run({ linux }: Setting): AsyncGenerator<Figure> {
  const process = await linux.running('4-level');
  const { kernel, user } = await writableAddresses(process);
  const qmp = await QmpClient.connect(process.witnessEndpoint);
  try {
    const clock = new PauseClock(qmp);
    for (const [page, linearAddress] of [
      ['a page of the kernel', kernel],
      ['a page of a process, with PKRU in force', user],
    ] as const) {
      const request = { linearAddress, ...WITH_ALL_FLAGS };
      const attached = await measureAttached(process, clock, request);
      yield describe(`pause for one translation that sets bits, attached before: ${page}`, attached, 2);
      const attaching = await measureAttaching(process, clock, request);
      yield describe(`the same with attaching and detaching: ${page}`, attaching, 6);
    }
  } finally {
    await qmp.close();
  }
}

/** How long a running Linux guest is paused, by QEMU's own clock. */
export const pauses: Benchmark = { name: 'pauses', run };
