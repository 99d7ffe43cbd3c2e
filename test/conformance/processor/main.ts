import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ProbeGuest } from './probe-guest.ts';
import { runProbes } from './run-probes.ts';

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: '4-level' },
    'phys-bits': { type: 'string', default: '40' },
    probes: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    qemu: { type: 'string' },
    vendor: { type: 'string' },
    'no-pse36': { type: 'boolean' },
    'no-pdpe1gb': { type: 'boolean' },
    endings: { type: 'boolean' },
  },
});
const machine = {
  mode: values.mode as '4-level',
  maxPhyAddr: Number(values['phys-bits']),
  ...(values['no-pse36'] ? { pse36: false } : {}),
  ...(values['no-pdpe1gb'] ? { pdpe1gb: false } : {}),
  ...(values.vendor ? { vendor: values.vendor as 'amd' } : {}),
};
await using guest = await ProbeGuest.launch(machine, values.qemu ? { binary: values.qemu } : {});
const started = performance.now();
const seed = values.seed ? Number(values.seed) : randomInt(0x1_0000_0000);
const report = await runProbes(guest, { machine, seed, probes: Number(values.probes) });
process.stdout.write(
  `${report.probes} probes, ${report.disagreements} disagreements, ${((performance.now() - started) / 1000).toFixed(2)} s, seed ${seed}\n${report.descriptions.join('\n')}\n`,
);
if (values.endings) for (const [k, v] of [...report.endings].sort()) process.stdout.write(`${k} ${v}\n`);
