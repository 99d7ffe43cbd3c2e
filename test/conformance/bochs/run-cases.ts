import { Random } from '../../support/random/random.ts';
import { StrayWalkError } from '../processor-rig/memory/rig-memory.ts';
import { ProbeReport, replayCommand } from '../processor-rig/probe-report.ts';
import type { BochsCase } from './cases/bochs-case.ts';
import { CaseDrawer } from './cases/draw-case.ts';
import { type Foretold, foretell } from './cases/foretell.ts';
import { BOCHS_PROFILE, deviatingEndings } from './deviations.ts';
import type { BochsProgram } from './emulator/bochs-program.ts';
import { runBochs } from './emulator/run-bochs.ts';
import { CaseWriter, type ProcessorWords } from './emulator/wire.ts';
import { describeCase, judge } from './judge.ts';
import { CASES_BYTES } from './layout.ts';
import { type BochsMachine, formatMachineOptions, hasFeature, MAX_PHY_ADDR } from './machine.ts';

/** How many go to Bochs at once: what is kept of each in memory is worth some kilobytes. */
const BATCH_CASES = 10_000;
const CASE_BYTES = 2048;

export interface CaseRun {
  readonly machine: BochsMachine;
  /** The first batch's; each further one's is one higher. */
  readonly seed: number;
  readonly cases: number;
}

/** How a run went; also how often Bochs did as it is known to do, by deviation. */
export class CaseReport extends ProbeReport {
  readonly deviations = new Map<string, number>();
}

/** Has Bochs make random accesses on random tables, batch after batch, and compares what comes of each with the walker's word. */
export async function runCases(bochs: BochsProgram, run: CaseRun): Promise<CaseReport> {
  const report = new CaseReport();
  for (let at = 0; report.probes < run.cases; at++) {
    const count = Math.min(BATCH_CASES, run.cases - report.probes);
    await runBatch(bochs, run.machine, { seed: (run.seed + at) >>> 0, count }, report);
  }
  return report;
}

interface Batch {
  readonly seed: number;
  readonly count: number;
}

async function runBatch(bochs: BochsProgram, machine: BochsMachine, batch: Batch, report: CaseReport): Promise<void> {
  const { seed, count } = batch;
  const drawer = new CaseDrawer(new Random(seed), machine);
  const writer = new CaseWriter(machine, drawer.standing);
  const cases: { drawn: BochsCase; foretold: Foretold }[] = [];
  while (cases.length < count) {
    const drawn = drawer.draw();
    const said = drawn && tryForetell(drawn, machine, bochs.version);
    if (drawn === null || said === null) continue;
    const { foretold, pages } = said;
    cases.push({ drawn, foretold });
    writer.add(drawn, pages);
    report.countEnding(endingOf(drawn, foretold));
    if (writer.bytes > CASES_BYTES - CASE_BYTES) throw new RangeError('more cases than the ROM has memory for');
  }
  const results = await runBochs(bochs, machine.model, writer, count);
  checkProcessor(machine, results.processor);
  const { version } = bochs;
  for (const [index, { drawn, foretold }] of cases.entries()) {
    const judgement = judge({ drawn, machine, foretold, profile: BOCHS_PROFILE }, results.next(), version);
    report.probes++;
    if (judgement.kind === 'known') {
      for (const name of judgement.names) report.deviations.set(name, (report.deviations.get(name) ?? 0) + 1);
    }
    if (judgement.kind !== 'disagreed') continue;
    const replay = replayCommand('bochs', formatMachineOptions(machine), batch);
    const facts = judgement.facts.map((fact) => `\n    ${fact}`).join('');
    report.noteDisagreement(`${replay}\n  case ${index}: ${describeCase(drawn, foretold)}${facts}`);
  }
  if (!results.isAtEnd) throw new Error('Bochs has more results than there are cases');
}

/**
 * @returns the walker's word, and the pages that this Bochs may write; null for a case that must not be made, be it that this Bochs
 * goes where no processor would
 */
function tryForetell(
  drawn: BochsCase,
  machine: BochsMachine,
  version: string,
): { foretold: Foretold; pages: ReadonlyMap<number, bigint> } | null {
  try {
    const foretold = foretell(drawn, machine, BOCHS_PROFILE);
    const judged = { drawn, machine, foretold, profile: BOCHS_PROFILE };
    const all = [foretold, ...Array.from(deviatingEndings(judged, version), (deviating) => deviating.foretold)];
    return {
      foretold,
      pages: new Map(all.flatMap(({ page }) => (page ? [[page.address, page.before] as const] : []))),
    };
  } catch (error) {
    if (error instanceof StrayWalkError) return null;
    throw error;
  }
}

const ADVANCED_EXIT_INFORMATION = 1n << 22n;
const SUPERVISOR_SHADOW_STACK = 1n << 23n;
/** Execute-only, 2 MiB and 1 GiB pages, A/D flags. */
const EPT_ALWAYS = (1n << 0n) | (1n << 16n) | (1n << 17n) | (1n << 21n);

/** The walker is told of a processor that Bochs must be. */
function checkProcessor(machine: BochsMachine, { maxPhyAddr, ecx, eptCapabilities }: ProcessorWords): void {
  const claims: readonly (readonly [string, unknown, unknown])[] = [
    ['MAXPHYADDR', MAX_PHY_ADDR, maxPhyAddr],
    ['shadow stacks', true, (ecx & (1 << 7)) !== 0 || !hasFeature(machine, 'cet')],
    ['EPT', true, (eptCapabilities & EPT_ALWAYS) === EPT_ALWAYS],
    [
      'advanced exit information',
      hasFeature(machine, 'mbe') || !machine.ept,
      !machine.ept || (eptCapabilities & ADVANCED_EXIT_INFORMATION) !== 0n,
    ],
    ['EPT shadow stacks', true, (eptCapabilities & SUPERVISOR_SHADOW_STACK) !== 0n || !hasFeature(machine, 'sss')],
  ];
  for (const [name, told, found] of claims) {
    if (told !== found)
      throw new Error(`${machine.model} of Bochs: ${name} is ${found}, and the walker is told ${told}`);
  }
}

function endingOf({ kind }: BochsCase, { translation }: Foretold): string {
  switch (translation.kind) {
    case 'mapped':
      return `${kind.does} mapped ${translation.pageSizeBytes}`;
    case 'fault':
      return `${kind.does} ${translation.cause}`;
    case 'guest-fault':
      return `${kind.does} guest ${translation.guest.cause}`;
    case 'nested-fault':
      return `${kind.does} ${translation.purpose} ${translation.cause}`;
  }
}
