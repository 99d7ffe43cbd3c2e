import { type PagingMode, type Profile, tcgProfile } from '../../../../src/paging/index.ts';
import { Random } from '../../../support/random/random.ts';
import type { EntryOdds } from '../../processor-rig/entry-bits.ts';
import { type BatchName, ProbeReport, replayCommand } from '../../processor-rig/probe-report.ts';
import { BATCH_PROBES, RECORD, RESULT } from '../layout.ts';
import { formatMachineOptions } from '../machine.ts';
import type { SvmGuest } from '../svm-guest.ts';
import { GuestPhysical } from '../tables/guest-physical.ts';
import { fillGuestTables, tableKindsOf } from '../tables/guest-tables.ts';
import { NestedTables } from '../tables/nested-tables.ts';
import { describeDisagreement, describeProbe, endingOf } from './judge.ts';
import { type Probe, randomProbe } from './probe.ts';
import { decodeResult, encodeRecord, encodeResult } from './record.ts';
import { toRecord, toResult } from './wire.ts';

export interface ProbeRun {
  /** The first batch's; each further one's is one higher. */
  readonly seed: number;
  readonly probes: number;
  /** How many of them have the same tables. */
  readonly batchProbes?: number;
  /** Ways in which an access can end (or the ends of their names): the run goes on until each was met. */
  readonly wanted?: readonly string[];
  /** What the walker is told to be. By default the TCG of the QEMU that is running. */
  readonly profile?: Profile;
}

/** One batch after the other has guests of each of these modes. */
export const guestModes: readonly PagingMode[] = ['4-level', 'pae', '5-level', '32-bit', 'off'];

/** A walk in two dimensions uses some twenty nested entries, and a guest's own are four: many of the former must be good. */
const guestOdds: EntryOdds = {
  present: 96,
  writable: 84,
  user: 84,
  executeDisable: 10,
  strayBit: 4,
  reservedBit: 2,
};
const nestedOdds: EntryOdds = {
  present: 99.3,
  writable: 98.5,
  user: 99,
  executeDisable: 5,
  strayBit: 1,
  reservedBit: 0.4,
};
/** All is well, so that walks end deep in the tables; and much is wrong with the nested tables. */
const goodOdds: EntryOdds = {
  present: 100,
  writable: 100,
  user: 100,
  executeDisable: 0,
  strayBit: 0,
  reservedBit: 0,
};
const badOdds: EntryOdds = { ...nestedOdds, present: 96, writable: 94, user: 96, strayBit: 3, reservedBit: 1.5 };
/** With 32-bit paging TCG does not translate guest-physical addresses: they must be where the frames are. */
const DIRECT_PERCENT = 30;
const DIRECT_PERCENT_LEGACY = 93;

/** What comes once in 20 batches is missed by so many once in 25,000 runs; what a lie makes impossible is sought no longer. */
const MOST_FURTHER_BATCHES = 200;

/** Has a hypervisor's guest make random probes, batch after batch, and compares what comes of each with the walker's word. */
export async function runProbes(guest: SvmGuest, run: ProbeRun): Promise<ProbeReport> {
  const report = new ProbeReport();
  const { probes, batchProbes = BATCH_PROBES } = run;
  const batches = Math.ceil(probes / batchProbes);
  const seedOf = (at: number): number => (run.seed + at) >>> 0;
  for (let at = 0; at < batches; at++) {
    const count = Math.min(batchProbes, probes - at * batchProbes);
    await runBatch(guest, run, { seed: seedOf(at), count }, report);
  }
  for (let at = batches; at < batches + MOST_FURTHER_BATCHES && lacksAny(run, report); at++) {
    await runBatch(guest, run, { seed: seedOf(at), count: batchProbes }, report);
  }
  return report;
}

function lacksAny({ wanted = [] }: ProbeRun, { endings }: ProbeReport): boolean {
  const met = [...endings.keys()];
  return !wanted.every((ending) => met.some((name) => name.endsWith(ending)));
}

async function runBatch(guest: SvmGuest, run: ProbeRun, batch: BatchName, report: ProbeReport): Promise<void> {
  const { count } = batch;
  const probes = drawProbes(guest, run, batch);
  const records = Buffer.alloc(count * RECORD.size);
  const expected = Buffer.alloc(count * RESULT.size);
  for (const [index, probe] of probes.entries()) {
    encodeRecord(toRecord(probe, guest.memory), records, index * RECORD.size);
    encodeResult(toResult(probe, count - index), expected, index * RESULT.size);
    report.countEnding(endingOf(probe));
  }
  const results = await guest.run(records).catch((error: unknown) => {
    throw lostGuest(guest, batch, probes, error);
  });
  for (const [index, probe] of probes.entries()) {
    const start = index * RESULT.size;
    const end = start + RESULT.size;
    if (results.compare(expected, start, end, start, end) === 0) continue;
    const result = decodeResult(results, start, probe.expected.samples.length);
    report.noteDisagreement(`${replay(guest, batch)}\n  probe ${index}: ${describeDisagreement(probe, result)}`);
  }
  const change = guest.findChange();
  if (change !== null) report.noteDisagreement(`${replay(guest, batch)}\n  ${change}, and no probe says so`);
  report.probes += count;
}

/** The tables and probes of a seed. */
function drawProbes(guest: SvmGuest, run: ProbeRun, { seed, count }: BatchName): Probe[] {
  const random = new Random(seed);
  const { memory, machine, version } = guest;
  const profile = tcgProfile(version);
  const guestMode = guestModes[seed % guestModes.length] ?? 'off';
  memory.clear(tableKindsOf(guestMode));
  const isLegacy = machine.hostMode === '32-bit';
  const addresses = new GuestPhysical(random, memory, isLegacy ? DIRECT_PERCENT_LEGACY : DIRECT_PERCENT);
  const nested = new NestedTables(random, machine, memory, {
    odds: random.pick([goodOdds, nestedOdds, nestedOdds, badOdds]),
    // Where 4-byte entries and 8-byte entries are the same, an accessed bit of one is an address bit of the other.
    mayLoop: guestMode !== '32-bit' && machine.hostMode !== '32-bit',
  });
  if (guestMode !== 'off') {
    const odds = random.chance(20) ? goodOdds : guestOdds;
    fillGuestTables(random, guestMode, { memory, maxPhyAddr: machine.maxPhyAddr, addresses, odds });
  }
  const { profile: claimed = profile } = run;
  const source = {
    random,
    machine,
    guestMode,
    profile,
    claimed,
    memory,
    addresses,
    nestedRoots: nested.roots,
    version,
  };
  return Array.from({ length: count }, () => randomProbe(source));
}

/** A guest that did not come back: which probe it was that it did not survive. */
function lostGuest(guest: SvmGuest, batch: BatchName, probes: readonly Probe[], cause: unknown): Error {
  const results = guest.results(batch.count);
  const last = probes.find((_, index) => results.readUInt32LE(index * RESULT.size + RESULT.left) === 0);
  const which = last === undefined ? 'it made all probes' : `its last probe was ${describeProbe(last)}`;
  const message = `the hypervisor did not come back from a batch. ${replay(guest, batch)}\n${which}`;
  return new Error(message, { cause });
}

function replay({ machine }: SvmGuest, batch: BatchName): string {
  return replayCommand('nested-processor', formatMachineOptions(machine), batch);
}
