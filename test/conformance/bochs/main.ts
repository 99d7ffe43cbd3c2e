import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { findBochs } from './emulator/bochs-program.ts';
import { type BochsFeature, type BochsMachine, formatMachineOptions } from './machine.ts';
import { runCases } from './run-cases.ts';
import { machinesOf } from './standard-machines.ts';

const usage = `usage: node dist/test/conformance/bochs/main.js [options]
Has the processor of a Bochs make random accesses on random page tables, and compares with the walker.

  --probes N       how many accesses for each machine (default 10000)
  --seed S         the first batch's seed (default: random; printed)
  --bochs PATH     the program (default: $PAGEWALK_BOCHS, or Debian's bochs-bin)
  --endings        say how often each kind of access ended in each way

One machine instead of all the standard ones:
  --model M        a CPU model of Bochs
  --mode M         4-level, 5-level, pae, 32-bit or off
  --ept            with a second stage
  --features LIST  of cet, keys, mbe, sss and lass
`;

const { values } = parseArgs({
  options: {
    probes: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomInt(0x1_0000_0000)) },
    bochs: { type: 'string' },
    endings: { type: 'boolean', default: false },
    model: { type: 'string' },
    mode: { type: 'string', default: '4-level' },
    ept: { type: 'boolean', default: false },
    features: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

function chosenMachines(version: string): readonly BochsMachine[] {
  if (values.model === undefined) return machinesOf(version);
  const features = values.features.split(',').filter((name) => name !== '') as BochsFeature[];
  return [{ model: values.model, mode: values.mode as BochsMachine['mode'], ept: values.ept, features }];
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const bochs = findBochs(values.bochs);
  const seed = Number(values.seed);
  const total = { probes: 0, disagreements: 0 };
  const deviations = new Map<string, number>();
  for (const machine of chosenMachines(bochs.version)) {
    const started = performance.now();
    const report = await runCases(bochs, { machine, seed, cases: Number(values.probes) });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const result = `${report.probes} cases, ${report.disagreements} disagreements, ${seconds} s`;
    print(`Bochs ${bochs.version} ${formatMachineOptions(machine)} --seed 0x${seed.toString(16)}: ${result}`);
    for (const description of report.descriptions) print(description);
    if (values.endings) for (const [ending, count] of [...report.endings].sort()) print(`  ${ending}: ${count}`);
    for (const [name, count] of report.deviations) deviations.set(name, (deviations.get(name) ?? 0) + count);
    total.probes += report.probes;
    total.disagreements += report.disagreements;
  }
  for (const [name, count] of deviations) print(`known of Bochs ${bochs.version}: ${name}: ${count}`);
  print(`${total.probes} cases, ${total.disagreements} disagreements`);
  process.exitCode = total.disagreements > 0 ? 1 : 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
