import { type PagingMode, type Profile, tcgProfile } from '../../../src/paging/index.ts';
import { Random } from '../../support/random.ts';
import { GuestPhysical } from './guest-physical.ts';
import { fillGuestTables, tableKindsOf } from './guest-tables.ts';
import { describeDisagreement, describeProbe, endingOf } from './judge.ts';
import { BATCH_PROBES, RECORD, RESULT } from './layout.ts';
import { formatMachineOptions } from './machine.ts';
import { NestedTables } from './nested-tables.ts';
import { type Probe, randomProbe } from './probe.ts';
import type { EntryOdds } from './random-entry.ts';
import { decodeResult, encodeRecord, encodeResult } from './record.ts';
import type { SvmGuest } from './svm-guest.ts';
import { toRecord, toResult } from './wire.ts';

/** How a run went. */
export interface ProbeReport {
  probes: number;
  /** How often each kind of probe ended in each way. */
  readonly endings: Map<string, number>;
  disagreements: number;
  /** The first of them, with what replays each. */
  readonly descriptions: string[];
}

export interface ProbeRun {
  /** The first batch's; each further one's is one higher. */
  readonly seed: number;
  readonly probes: number;
  /** How many of them have the same tables. */
  readonly batchProbes?: number;
  /** What the walker is told to be. By default the TCG of the QEMU that is running. */
  readonly profile?: Profile;
}

interface Batch {
  readonly seed: number;
  readonly count: number;
}

const KEPT_DESCRIPTIONS = 10;
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

/** Has a hypervisor's guest make random probes, batch after batch, and compares what comes of each with the walker's word. */
export async function runProbes(guest: SvmGuest, run: ProbeRun): Promise<ProbeReport> {
  const report: ProbeReport = { probes: 0, endings: new Map(), disagreements: 0, descriptions: [] };
  const { probes, batchProbes = BATCH_PROBES } = run;
  for (let at = 0; at * batchProbes < probes; at++) {
    const count = Math.min(batchProbes, probes - at * batchProbes);
    await runBatch(guest, run, { seed: (run.seed + at) >>> 0, count }, report);
  }
  return report;
}

async function runBatch(guest: SvmGuest, run: ProbeRun, batch: Batch, report: ProbeReport): Promise<void> {
  const { count } = batch;
  const probes = drawProbes(guest, run, batch);
  const records = Buffer.alloc(count * RECORD.size);
  const expected = Buffer.alloc(count * RESULT.size);
  for (const [index, probe] of probes.entries()) {
    encodeRecord(toRecord(probe, guest), records, index * RECORD.size);
    encodeResult(toResult(probe, count - index), expected, index * RESULT.size);
    const ending = endingOf(probe);
    report.endings.set(ending, (report.endings.get(ending) ?? 0) + 1);
  }
  const results = await guest.run(records).catch((error: unknown) => {
    throw lostGuest(guest, batch, probes, error);
  });
  for (const [index, probe] of probes.entries()) {
    const start = index * RESULT.size;
    const end = start + RESULT.size;
    if (results.compare(expected, start, end, start, end) === 0) continue;
    const result = decodeResult(results, start, probe.expected.samples.length);
    note(report, `${replayCommand(guest, batch)}\n  probe ${index}: ${describeDisagreement(probe, result)}`);
  }
  const change = guest.findChange();
  if (change !== null) note(report, `${replayCommand(guest, batch)}\n  ${change}, and no probe says so`);
  report.probes += count;
}

/** The tables and probes of a seed. */
function drawProbes(guest: SvmGuest, run: ProbeRun, { seed, count }: Batch): Probe[] {
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
function lostGuest(guest: SvmGuest, batch: Batch, probes: readonly Probe[], cause: unknown): Error {
  const results = guest.results(batch.count);
  const last = probes.find((_, index) => results.readUInt32LE(index * RESULT.size + RESULT.left) === 0);
  const which = last === undefined ? 'it made all probes' : `its last probe was ${describeProbe(last)}`;
  const message = `the hypervisor did not come back from a batch. ${replayCommand(guest, batch)}\n${which}`;
  return new Error(message, { cause });
}

function note(report: ProbeReport, description: string): void {
  report.disagreements++;
  if (report.descriptions.length < KEPT_DESCRIPTIONS) report.descriptions.push(description);
}

/** The command that makes the same batch again. */
function replayCommand({ machine }: SvmGuest, { seed, count }: Batch): string {
  const options = `${formatMachineOptions(machine)} --seed 0x${seed.toString(16)} --probes ${count}`;
  return `replay with: node dist/test/conformance/nested-processor/main.js ${options}`;
}
