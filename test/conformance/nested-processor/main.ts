import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { formatMachineOptions, type SvmMachine } from './machine.ts';
import { runProbes } from './probes/run-probes.ts';
import { standardMachines } from './standard-machines.ts';
import { SvmGuest } from './svm-guest.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    'phys-bits': { type: 'string', default: '40' },
    'no-pdpe1gb': { type: 'boolean' },
    /** For each machine. */
    probes: { type: 'string', default: '20480' },
    seed: { type: 'string' },
    qemu: { type: 'string' },
    /** How often each kind of access ended in each way. */
    endings: { type: 'boolean' },
  },
});
const seed = values.seed === undefined ? randomInt(0x1_0000_0000) : Number(values.seed);
let disagreements = 0;
for (const machine of chosenMachines()) disagreements += await tryMachine(machine);
process.exitCode = disagreements === 0 ? 0 : 1;

function chosenMachines(): readonly SvmMachine[] {
  if (values.host === undefined) return standardMachines;
  const pdpe1gb = values['no-pdpe1gb'] ? { pdpe1gb: false } : {};
  return [{ hostMode: values.host as PagedMode, maxPhyAddr: Number(values['phys-bits']), ...pdpe1gb }];
}

async function tryMachine(machine: SvmMachine): Promise<number> {
  await using guest = await SvmGuest.launch(machine, values.qemu ? { binary: values.qemu } : {});
  const started = performance.now();
  const report = await runProbes(guest, { seed, probes: Number(values.probes) });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const options = `${formatMachineOptions(machine)} --seed ${seed}`;
  const result = `${report.probes} probes, ${report.disagreements} disagreements, ${seconds} s`;
  print(`${options} on QEMU ${guest.version.join('.')}: ${result}`);
  report.descriptions.forEach(print);
  if (values.endings) for (const [ending, count] of [...report.endings].sort()) print(`${ending} ${count}`);
  return report.disagreements;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
