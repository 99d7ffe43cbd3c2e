import { type ByteSource, parseRegisters, sourceOfBytes } from '../../src/dump/internal.ts';
import { GuestView } from '../../src/guest/index.ts';
import { buildElf, buildKdump, buildLime, flatten } from './dumps/build-dump.ts';
import { smallGuest } from './dumps/small-guest.ts';
import { type ParserTarget, repeated } from './parser-target.ts';

/** A file that is in memory. */
export function bytesOf(input: Buffer): ByteSource {
  return {
    name: 'dump',
    sizeBytes: input.length,
    readInto: (offset, target) => void input.copy(target, 0, offset, offset + target.length),
  };
}

/** Opens it, and asks everything that reads it. */
async function readDump(input: Buffer): Promise<void> {
  const source = sourceOfBytes(bytesOf(input), null);
  const view = new GuestView(source);
  const [cpu = 0] = source.vcpus;
  let ranges = 0;
  (await view.snapshot({ cpu })).ranges(() => {
    ranges += 1;
    return ranges < 1000;
  });
  await view.translate([{ linearAddress: 0x2_0000_0123n, access: { write: false, user: false, exec: false } }], {
    cpu,
  });
}

const SEEDS = [
  buildElf(smallGuest()),
  buildKdump(smallGuest()),
  flatten(buildKdump(smallGuest())),
  buildLime(smallGuest()),
];

/** Dumps, and the registers beside them. */
export const DUMP_TARGETS: readonly ParserTarget[] = [
  {
    name: 'a dump',
    read: readDump,
    seeds: SEEDS,
    hard: {
      zeros: repeated('\0'),
      'LiME ranges': repeated('EMiL\x01\0\0\0'),
      'segments of a flattened stream': repeated('\0'.repeat(16), `makedumpfile${'\0'.repeat(4084)}`),
    },
  },
  {
    name: 'saved registers',
    read: (input) => parseRegisters(input.toString('latin1'), 'registers'),
    seeds: [
      Buffer.from('{"cpu":0,"registers":{"cr0":{"value":"0x1","source":"gdb-stub","detail":"x"}}}\n'),
      Buffer.from('CPU#0\nEAX=00000000 CR0=00000011 CR2=0 CR3=0 CR4=0\nEFER=0\n'),
    ],
    hard: { braces: repeated('{"cpu":', '{'), equals: repeated('CR0='), lines: repeated('{}\n') },
  },
];
