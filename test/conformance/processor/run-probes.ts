import { type Profile, tcgProfile } from '../../../src/paging/index.ts';
import { Random } from '../../support/random.ts';
import { findDisagreement } from './judge.ts';
import { BATCH_PROBES, RECORD, RESULT } from './layout.ts';
import type { ProbeMachine } from './machine.ts';
import { type Probe, type ProbeSource, randomProbe } from './probe.ts';
import type { ProbeGuest } from './probe-guest.ts';
import { TablePool } from './table-pool.ts';
import { decodeResult, encodeRecord } from './wire.ts';

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
  readonly machine: ProbeMachine;
  /** The first batch's; each further one's is one higher. */
  readonly seed: number;
  readonly probes: number;
  /** By default that of the QEMU that is running. */
  readonly profile?: Profile;
}

interface Batch {
  readonly seed: number;
  readonly half: 0 | 1;
  readonly probes: readonly Probe[];
}

const KEPT_DESCRIPTIONS = 10;

/** Has a guest make random probes, batch after batch, and compares what comes of each with the walker's word. */
export async function runProbes(guest: ProbeGuest, run: ProbeRun): Promise<ProbeReport> {
  const report: ProbeReport = { probes: 0, endings: new Map(), disagreements: 0, descriptions: [] };
  const batches = Math.ceil(run.probes / BATCH_PROBES);
  // One batch runs while the one before it is judged and the one after it is made.
  let ready = makeBatch(guest, run, 0);
  for (let at = 0; at < batches; at++) {
    const batch = ready;
    const running = guest.run(batch.half, batch.probes.length);
    if (at + 1 < batches) ready = makeBatch(guest, run, at + 1);
    await running;
    judgeBatch(guest, run, batch, report);
  }
  return report;
}

function makeBatch(guest: ProbeGuest, run: ProbeRun, at: number): Batch {
  const seed = (run.seed + at) >>> 0;
  const half = seed % 2 === 0 ? 0 : 1;
  const random = new Random(seed);
  const { memory } = guest;
  const pool = new TablePool(random, run.machine, memory, half);
  const profile = run.profile ?? tcgProfile(guest.version);
  const source: ProbeSource = { random, machine: run.machine, profile, memory, pool };
  const count = Math.min(BATCH_PROBES, run.probes - at * BATCH_PROBES);
  const probes = Array.from({ length: count }, () => randomProbe(source));
  const records = Buffer.alloc(count * RECORD.size);
  for (const [index, probe] of probes.entries()) encodeRecord(probe, memory, records, index * RECORD.size);
  guest.prepare(half, records);
  return { seed, half, probes };
}

function judgeBatch(guest: ProbeGuest, run: ProbeRun, batch: Batch, report: ProbeReport): void {
  const { half, probes } = batch;
  const isLong = run.machine.mode === '4-level' || run.machine.mode === '5-level';
  const results = guest.results(half, probes.length);
  for (const [index, probe] of probes.entries()) {
    const result = decodeResult(results, index * RESULT.size, isLong, probe.expected.samples.length);
    const ending = `${probe.kind.name}: ${endingOf(probe)}`;
    report.endings.set(ending, (report.endings.get(ending) ?? 0) + 1);
    const disagreement = findDisagreement(probe, result, probes.length - index);
    if (disagreement !== null) note(report, `${recipe(run, batch)}\n  probe ${index}: ${disagreement}`);
  }
  const change = guest.findChange(half);
  if (change !== null) note(report, `${recipe(run, batch)}\n  ${change}, and no probe says so`);
  report.probes += probes.length;
}

function note(report: ProbeReport, description: string): void {
  report.disagreements++;
  if (report.descriptions.length < KEPT_DESCRIPTIONS) report.descriptions.push(description);
}

function endingOf({ translation }: Probe): string {
  return translation.kind === 'mapped' ? `mapped ${translation.pageSize}` : translation.cause;
}

/** The command that makes the same batch again. */
function recipe({ machine }: ProbeRun, { seed, probes }: Batch): string {
  const { mode, maxPhyAddr, vendor, pse36, pdpe1gb } = machine;
  const words = [`--mode ${mode}`, `--phys-bits ${maxPhyAddr}`];
  if (vendor !== undefined) words.push(`--vendor ${vendor}`);
  if (pse36 === false) words.push('--no-pse36');
  if (pdpe1gb === false) words.push('--no-pdpe1gb');
  words.push(`--seed 0x${seed.toString(16)}`, `--probes ${probes.length}`);
  return `replay with: node dist/test/conformance/processor/main.js ${words.join(' ')}`;
}
