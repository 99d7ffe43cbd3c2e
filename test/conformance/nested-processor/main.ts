import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { HostMode } from './machine.ts';
import { runProbes } from './run-probes.ts';
import { SvmGuest } from './svm-guest.ts';

const hostModes: readonly HostMode[] = ['4-level', '5-level', 'pae', '32-bit'];

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    'phys-bits': { type: 'string', default: '40' },
    probes: { type: 'string', default: '20480' },
    seed: { type: 'string' },
    qemu: { type: 'string' },
    endings: { type: 'boolean' },
  },
});
const seed = values.seed ? Number(values.seed) : randomInt(0x1_0000_0000);
for (const hostMode of hostModes.filter((mode) => values.host === undefined || mode === values.host)) {
  const machine = { hostMode, maxPhyAddr: Number(values['phys-bits']) };
  await using guest = await SvmGuest.launch(machine, values.qemu ? { binary: values.qemu } : {});
  const started = performance.now();
  const report = await runProbes(guest, { seed, probes: Number(values.probes) });
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  process.stdout.write(
    `${hostMode} on QEMU ${guest.version.join('.')}: ${report.probes} probes, ${report.disagreements} disagreements, ${seconds} s, seed ${seed}\n`,
  );
  for (const description of report.descriptions) process.stdout.write(`${description}\n`);
  if (report.disagreements > 0) process.exitCode = 1;
  if (values.endings)
    for (const [ending, count] of [...report.endings].sort()) process.stdout.write(`${ending} ${count}\n`);
}
