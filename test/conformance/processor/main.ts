import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import type { ProbeReport } from '../processor-rig/probe-report.ts';
import { formatMachineOptions, type ProbeMachine } from './machine.ts';
import { ProbeGuest } from './probe-guest.ts';
import { runProbes } from './run-probes.ts';
import { standardMachines } from './standard-machines.ts';

const usage = `usage: node dist/test/conformance/processor/main.js [options]
Has the processor of a QEMU make random accesses on random page tables, and compares with the walker.

  --probes N      how many accesses in all (default 1000000)
  --seed S        the first batch's seed (default: random; printed)
  --qemu PATH     the program (default: $PAGEWALK_QEMU, or qemu-system-x86_64)
  --endings       say how often each kind of access ended in each way

One machine instead of all the standard ones:
  --mode M        4-level, 5-level, pae or 32-bit
  --phys-bits N   MAXPHYADDR (default 40)
  --vendor V      intel or amd
  --no-pse36      without PSE-36
  --no-pdpe1gb    without 1 GiB pages
  --smm           in system management mode
`;

const modes: readonly PagedMode[] = ['4-level', '5-level', 'pae', '32-bit'];

interface Order {
  readonly machines: readonly ProbeMachine[];
  readonly probes: number;
  readonly seed: number;
  readonly binary: string | undefined;
  readonly tellsEndings: boolean;
}

function parseOrder(args: readonly string[]): Order {
  const { values } = parseArgs({
    args: [...args],
    options: {
      probes: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(randomInt(0x1_0000_0000)) },
      qemu: { type: 'string' },
      endings: { type: 'boolean', default: false },
      mode: { type: 'string' },
      'phys-bits': { type: 'string', default: '40' },
      vendor: { type: 'string' },
      'no-pse36': { type: 'boolean' },
      'no-pdpe1gb': { type: 'boolean' },
      smm: { type: 'boolean' },
    },
  });
  const mode = modes.find((name) => name === values.mode);
  if (values.mode !== undefined && mode === undefined) throw new RangeError(`--mode is one of ${modes.join(', ')}`);
  const machine = mode && {
    mode,
    maxPhyAddr: parseWhole('--phys-bits', values['phys-bits'], 32, 52),
    ...(values.vendor === undefined ? {} : { vendor: parseVendor(values.vendor) }),
    ...(values['no-pse36'] ? { pse36: false } : {}),
    ...(values['no-pdpe1gb'] ? { pdpe1gb: false } : {}),
    ...(values.smm ? { smm: true } : {}),
  };
  return {
    machines: machine ? [machine] : standardMachines,
    probes: parseWhole('--probes', values.probes, 1, Number.MAX_SAFE_INTEGER),
    seed: parseWhole('--seed', values.seed, 0, 0xffff_ffff),
    binary: values.qemu,
    tellsEndings: values.endings,
  };
}

function parseWhole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${option} is a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
}

function parseVendor(text: string): 'intel' | 'amd' {
  if (text === 'intel' || text === 'amd') return text;
  throw new RangeError(`--vendor is intel or amd, not ${JSON.stringify(text)}`);
}

async function runMachine(machine: ProbeMachine, probes: number, order: Order): Promise<ProbeReport> {
  const { seed, binary } = order;
  await using guest = await ProbeGuest.launch(machine, binary === undefined ? {} : { binary });
  const started = performance.now();
  const report = await runProbes(guest, { machine, seed, probes });
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round(report.probes / seconds);
  const outcome = `${report.probes} probes, ${report.disagreements} disagreements, ${rate} a second`;
  print(`QEMU ${guest.version.join('.')} ${formatMachineOptions(machine)} --seed 0x${seed.toString(16)}: ${outcome}`);
  for (const description of report.descriptions) print(description);
  if (order.tellsEndings) for (const [ending, count] of [...report.endings].sort()) print(`  ${ending}: ${count}`);
  return report;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  let order: Order;
  try {
    order = parseOrder(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const share = Math.ceil(order.probes / order.machines.length);
  const total = { probes: 0, disagreements: 0 };
  for (const machine of order.machines) {
    const report = await runMachine(machine, share, order);
    total.probes += report.probes;
    total.disagreements += report.disagreements;
  }
  print(`${total.probes} probes, ${total.disagreements} disagreements`);
  process.exitCode = total.disagreements > 0 ? 1 : 0;
}

await main();
