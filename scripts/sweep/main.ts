import { parseArgs } from 'node:util';
import { defaultQemuBinary } from '../../src/testing/index.ts';
import { type DeviceType, listDevices } from './list-devices.ts';
import { SweepError } from './sweep-error.ts';
import { askGuest, saveAnyway } from './trials.ts';
import { type Outcome, type Trial, tryDevice } from './try-device.ts';

/*
 * `npm run sweep`: every device type that a QEMU lists, in a paused guest of its own, and whether QEMU and the guest
 * come to harm when they are asked. Saving the device state ends QEMU with some of them.
 */

const HELP = `usage: npm run sweep [-- OPTION... NAME...]

Starts a paused guest with each device type that QEMU lists, asks it everything (translate, state, map, hv-translate), and
looks whether QEMU lives and the guest is as before. NAMEs choose devices: those whose name contains one of them.

  --qemu PROGRAM    the QEMU; again for more (or $PAGEWALK_QEMU)
  --machine NAME    pc and q35 when not given; again for more
  --after NAME      begin behind this device: goes on with a sweep that was ended
  --lanes N         guests at a time; 2 when not given
  --save-anyway     save the device state whatever stands against it, and print the types in the guests that survive:
                    the list in src/guest/device-state/harmless-types.ts
  --brief           no line for devices that are fine or skipped
`;

const NAME_WIDTH = 36;

interface Row {
  readonly device: DeviceType;
  readonly outcome: Outcome;
}

interface Choice {
  readonly names: readonly string[];
  readonly after: string | undefined;
}

function choose(devices: readonly DeviceType[], { names, after }: Choice): readonly DeviceType[] {
  const start = after === undefined ? 0 : devices.findIndex(({ name }) => name === after) + 1;
  const rest = devices.slice(start);
  return names.length === 0 ? rest : rest.filter(({ name }) => names.some((part) => name.includes(part)));
}

async function sweep(
  devices: readonly DeviceType[],
  lanes: number,
  tryOne: (device: DeviceType) => Promise<Outcome>,
  show: (row: Row) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const waiting = devices.values();
  const lane = async () => {
    for (const device of waiting) {
      const row = { device, outcome: await tryOne(device) };
      rows.push(row);
      show(row);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return rows;
}

function formatRow({ device, outcome }: Row): string {
  return `${outcome.kind.padEnd(8)} ${device.name.padEnd(NAME_WIDTH)} ${outcome.note}\n`;
}

function formatTally(rows: readonly Row[]): string {
  const count = (kind: Outcome['kind']) => rows.filter(({ outcome }) => outcome.kind === kind).length;
  const assumed = rows.filter(({ outcome }) => outcome.kind === 'fine' && outcome.note.includes('assumed')).length;
  return `${rows.length} device types: ${count('fine')} fine (${assumed} of them with PKRU assumed), ${count('harmed')} harmed, ${count('skipped')} skipped\n`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      qemu: { type: 'string', multiple: true, default: [defaultQemuBinary()] },
      machine: { type: 'string', multiple: true, default: ['pc', 'q35'] },
      after: { type: 'string' },
      lanes: { type: 'string', default: '2' },
      'save-anyway': { type: 'boolean', default: false },
      brief: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const survivors = new Set<string>();
  const trial: Trial = values['save-anyway'] ? saveAnyway(survivors) : askGuest;
  let harmed = 0;
  for (const binary of values.qemu) {
    for (const machine of values.machine) {
      process.stdout.write(`\n${binary} -machine ${machine}\n`);
      const devices = choose(await listDevices(binary, machine), { names: positionals, after: values.after });
      const rows = await sweep(
        devices,
        Number(values.lanes),
        (device) => tryDevice(device, { binary, machine }, trial),
        (row) => {
          if (!values.brief || row.outcome.kind === 'harmed') process.stdout.write(formatRow(row));
        },
      );
      process.stdout.write(formatTally(rows));
      harmed += rows.filter(({ outcome }) => outcome.kind === 'harmed').length;
    }
  }
  if (values['save-anyway']) process.stdout.write(`\n${[...survivors].sort().join(' ')}\n`);
  else if (harmed > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`sweep: ${error instanceof SweepError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
