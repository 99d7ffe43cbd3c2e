import { type Profile, tcgProfile } from '../../../src/paging/index.ts';
import { Random } from '../../support/random/random.ts';
import { ProbeReport, replayCommand } from '../processor-rig/probe-report.ts';
import { describeDisagreement, describeProbe } from './judge.ts';
import { BATCH_PROBES, RECORD, RESULT } from './layout.ts';
import { formatMachineOptions, type ProbeMachine } from './machine.ts';
import { endingOf, type Probe, type ProbeSource, randomProbe } from './probe.ts';
import type { ProbeGuest } from './probe-guest.ts';
import { TablePool } from './table-pool.ts';
import { type WantedEnding, wantedEndings } from './wanted-endings.ts';
import { decodeResult, encodeExpected, encodeRecord } from './wire.ts';

/** The last probes of a batch are for what it lacks, so that no way in which an access can end is left to luck. */
const STEERED = 128;
/** What comes of its kind once in 400 times is missed by one batch in 20,000. */
const MOST_TRIES = 4000;

export interface ProbeRun {
  readonly machine: ProbeMachine;
  /** The first batch's; each further one's is one higher. */
  readonly seed: number;
  readonly probes: number;
  /** What the walker is told to be. By default the TCG of the QEMU that is running. */
  readonly profile?: Profile;
  /** What the walker is told of CPL, instead of the truth. */
  readonly cpl?: number;
}

interface Batch {
  readonly seed: number;
  readonly half: 0 | 1;
  readonly count: number;
  /** What the guest must write. Probes are not kept: the seed makes them again if one must be looked at. */
  readonly expected: Buffer;
}

/** Has a guest make random probes, batch after batch, and compares what comes of each with the walker's word. */
export async function runProbes(guest: ProbeGuest, run: ProbeRun): Promise<ProbeReport> {
  const report = new ProbeReport();
  const batches = Math.ceil(run.probes / BATCH_PROBES);
  // While the guest runs one batch the next one is made.
  let next = makeBatch(guest, run, 0, report);
  for (let at = 0; at < batches; at++) {
    const batch = next;
    const running = guest.run(batch.half, batch.count);
    // It may fail before it is waited for.
    running.catch(() => {});
    if (at + 1 < batches) next = makeBatch(guest, run, at + 1, report);
    try {
      await running;
    } catch (error) {
      throw lostGuest(guest, run, batch, error);
    }
    judgeBatch(guest, run, batch, report);
  }
  return report;
}

/** A guest that did not come back: which probe it was that it did not survive. */
function lostGuest(guest: ProbeGuest, run: ProbeRun, batch: Batch, cause: unknown): Error {
  const results = guest.results(batch.half, batch.count);
  const made = indexesUpTo(batch.count).findIndex(
    (index) => results.readUInt32LE(index * RESULT.size + RESULT.left) === 0,
  );
  let last = 'it made all probes';
  drawProbes(guest, run, batch, (probe, index) => {
    if (index !== made) return;
    last = `its last probe was ${index}: ${describeProbe(probe)}`;
  });
  return new Error(`the guest did not come back from a batch. ${replay(run, batch)}\n${last}`, { cause });
}

function indexesUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function makeBatch(guest: ProbeGuest, run: ProbeRun, at: number, report: ProbeReport): Batch {
  const seed = (run.seed + at) >>> 0;
  const count = Math.min(BATCH_PROBES, run.probes - at * BATCH_PROBES);
  const records = Buffer.alloc(count * RECORD.size);
  const expected = Buffer.alloc(count * RESULT.size);
  drawProbes(guest, run, { seed, count }, (probe, index) => {
    encodeRecord(probe, guest.memory, records, index * RECORD.size);
    encodeExpected(probe, count - index, expected, index * RESULT.size);
    report.countEnding(endingOf(probe));
  });
  const half = halfOf(seed);
  guest.prepare(half, records);
  return { seed, half, count, expected };
}

/** The tables and probes of a seed. The half of the memory for tables is part of it, as their addresses are. */
function drawProbes(
  guest: ProbeGuest,
  { machine, profile: told, cpl }: ProbeRun,
  { seed, count }: { readonly seed: number; readonly count: number },
  take: (probe: Probe, index: number) => void,
): void {
  const random = new Random(seed);
  const { memory } = guest;
  const isTold = told !== undefined || cpl !== undefined;
  const profile = told ?? tcgProfile(guest.version);
  const pool = new TablePool(random, machine, memory, halfOf(seed));
  const source = { random, machine, profile, cpl, memory, pool };
  // What a walker that is told a lie takes for impossible would be sought for long.
  const wantedHere = isTold ? [] : wantedEndings(machine);
  const missing = new Map(wantedHere.map((ending) => [ending.name, ending]));
  for (let index = 0; index < count; index++) {
    const [wanted] = index < count - STEERED ? [] : missing.values();
    const probe = wanted === undefined ? randomProbe(source) : steerTo(wanted, source);
    if (wanted !== undefined) missing.delete(wanted.name);
    missing.delete(endingOf(probe));
    take(probe, index);
  }
}

/** A probe that ends as is wanted, if there is one among so many. */
function steerTo({ name, kind }: WantedEnding, source: ProbeSource): Probe {
  for (let tries = 1; ; tries++) {
    const probe = randomProbe(source, kind);
    if (endingOf(probe) === name || tries === MOST_TRIES) return probe;
  }
}

function halfOf(seed: number): 0 | 1 {
  return seed % 2 === 0 ? 0 : 1;
}

function judgeBatch(guest: ProbeGuest, run: ProbeRun, batch: Batch, report: ProbeReport): void {
  const { half, count, expected } = batch;
  const results = guest.results(half, count);
  if (!results.equals(expected)) noteDisagreements(guest, run, batch, results, report);
  const change = guest.findChange(half);
  if (change !== null) {
    report.noteDisagreement(`${replay(run, batch)}\n  ${change}, and no probe says so`);
    guest.repair();
  }
  report.probes += count;
}

function noteDisagreements(guest: ProbeGuest, run: ProbeRun, batch: Batch, results: Buffer, report: ProbeReport): void {
  const { count, expected } = batch;
  drawProbes(guest, run, batch, (probe, index) => {
    const start = index * RESULT.size;
    const end = start + RESULT.size;
    if (results.compare(expected, start, end, start, end) === 0) return;
    const disagreement = describeDisagreement(probe, decodeResult(results, start), count - index);
    report.noteDisagreement(`${replay(run, batch)}\n  probe ${index}: ${disagreement}`);
  });
}

function replay({ machine }: ProbeRun, batch: Batch): string {
  return replayCommand('processor', formatMachineOptions(machine), batch);
}
