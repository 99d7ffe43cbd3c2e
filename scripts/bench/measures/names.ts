import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { QmpClient } from '../../../protocols/qmp/index.ts';
import { type GuestView, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { PauseClock } from '../../demo/pause-clock.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { FlightRecorder } from '../guests/flight-recorder.ts';
import { median, timeMs } from '../statistics.ts';
import { runCommand } from './run-command.ts';

const ROUNDS = 9;
const MIB = 2 ** 20;

interface Round {
  readonly firstMs: number;
  readonly againMs: number;
  readonly bytes: number;
  readonly symbols: number;
}

/** All symbols of a kernel that is not known yet, and once more of the same one. */
async function findNames(guest: QemuProcess, hostMemory: boolean): Promise<Round> {
  const recorder = new FlightRecorder();
  const { qmpEndpoint: qmp, gdbEndpoint: gdb } = guest;
  return withPausedGuest({ qmp, gdb, hostMemory, trace: recorder.trace }, async (paused: GuestView) => {
    recorder.reset();
    const firstMs = await timeMs(() => paused.linux());
    const { bytes } = recorder;
    let symbols = 0;
    const againMs = await timeMs(async () => {
      symbols = (await paused.linux()).symbols.length;
    });
    return { firstMs, againMs, bytes, symbols };
  });
}

async function* measureNames(guest: QemuProcess): AsyncGenerator<Figure> {
  for (const [hostMemory, way, limit] of [
    [false, 'through the GDB stub alone', 1000],
    [true, "from the host's memory", 500],
  ] as const) {
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await findNames(guest, hostMemory));
    const { bytes = 0, symbols = 0 } = rounds.at(-1) ?? {};
    const details = { symbols, ...(hostMemory ? {} : { readMiB: bytes / MIB }) };
    const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
    yield {
      name: `all symbols of a kernel that is not known yet, in one pause, ${way}`,
      value: of(({ firstMs }) => firstMs),
      unit: 'ms',
      bar: atMost(limit),
      details,
    };
    yield {
      name: `the same kernel once more, ${way}`,
      value: of(({ againMs }) => againMs),
      unit: 'ms',
      bar: atMost(10),
      details: { symbols },
    };
    if (hostMemory) continue;
    yield {
      name: 'what is read of the guest for that',
      value: bytes / MIB,
      unit: 'MiB',
      bar: atMost(12),
      details: { symbols },
    };
  }
}

/** By QEMU's clock, of a program that has just started each time: one that has met the kernel, as its names are kept in files. */
async function measureProcesses(guest: QemuProcess, cache: string): Promise<Figure> {
  const qmp = await QmpClient.connect(guest.witnessEndpoint);
  try {
    const clock = new PauseClock(qmp);
    const ask = () => runCommand(['ps', '--qmp', guest.qmpEndpoint], { XDG_CACHE_HOME: cache });
    const { pausesMs: first } = await clock.measure(ask);
    const rounds: (readonly number[])[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push((await clock.measure(ask)).pausesMs);
    const sum = (pausesMs: readonly number[]): number => pausesMs.reduce((all, each) => all + each, 0);
    return {
      name: 'pause of pagewalk ps, all in all',
      value: median(rounds.map(sum)),
      unit: 'ms',
      bar: atMost(50),
      details: {
        pauses: Math.max(...rounds.map(({ length }) => length)),
        longestOfAKernelThatIsNotKnownMs: Math.max(...first),
      },
    };
  } finally {
    await qmp.close();
  }
}

async function* run({ linux, directory }: Setting): AsyncGenerator<Figure> {
  const guest = await linux.running('4-level');
  yield* measureNames(guest);
  yield await measureProcesses(guest, await mkdtemp(join(directory, 'cache-')));
}

/** What the names of a Linux guest cost. */
export const names: Benchmark = { name: 'names', run };
