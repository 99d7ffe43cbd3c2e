import { parseDeviceState } from '../../protocols/qmp/index.ts';
import { parseEndpoint } from '../../protocols/transport/index.ts';
import { AddressList } from '../../src/cli/io/address-list.ts';
import { SavedMap } from '../../src/cli/io/saved-map.ts';
import type { CliContext } from '../../src/cli/options/command.ts';
import { type ParserTarget, repeated } from './parser-target.ts';
import { readSeed } from './read-seed.ts';

function contextOf(input: Buffer): CliContext {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < input.length; at += 65_536) yield input.subarray(at, at + 65_536);
  }
  const { signal } = new AbortController();
  return { environment: {}, isTerminal: false, print: () => {}, complain: () => {}, signal, input: pieces() };
}

async function readList(input: Buffer): Promise<void> {
  const list = await AddressList.open('-', { keepGoing: true }, contextOf(input), 'translate');
  for await (const _ of list.chunks());
}

async function readMap(input: Buffer): Promise<void> {
  const map = await SavedMap.open('-', contextOf(input), 'diff');
  for await (const _ of map.segments());
}

const HEADING =
  '{"kind":"map","of":"pages","mode":"4-level","first":"0x0","last":"0xffff","filter":null,"assumed":[]}\n';
const RIGHTS = '"rights":{"write":true,"user":false,"exec":true},"protectionKey":null,"global":true';
const PAGE = `{"kind":"page","address":"0x1000","size":4096,${RIGHTS},"accessed":true,"dirty":false,"physicalAddress":"0x5000"}\n`;
const RANGE =
  `{"kind":"range","first":"0x0","last":"0x1fffff",${RIGHTS},"leaves":{"2097152":1},"accessed":1,"dirty":0,` +
  '"physicalFirst":"0x200000","physicalPieces":1,"regions":[{"kind":"ram","name":"pc.ram"}]}\n';
const END = '{"kind":"end","complete":true}\n';

/** A device state of `cpu` sections alone, one at every other kilobyte, of which 32 each have one end. */
function manySections(bytes: number): Buffer {
  const section = Buffer.alloc(2048);
  section[0] = 4;
  section.writeUInt32BE(7, 1);
  section.write('\x03cpu', 5, 'latin1');
  section.writeUInt32BE(12, 13);
  const sections = Array.from({ length: Math.ceil(bytes / section.length) }, (_, at) => {
    section.writeUInt32BE(at, 9);
    section.write(`\x05\x0bcpu/${String(at).padStart(7, '0')}`, 17 + 1817, 'latin1');
    section.write(at % 32 === 31 ? '\x7e\0\0\0\x07' : '\0\0\0\0\0', 2000, 'latin1');
    return Buffer.from(section);
  });
  return Buffer.concat([
    Buffer.from('QEVM\0\0\0\x03', 'latin1'),
    ...sections,
    Buffer.from('\x7e\0\0\0\x07\0', 'latin1'),
  ]);
}

/** Files, and what a person writes. */
export const FILE_TARGETS: readonly ParserTarget[] = [
  {
    name: 'device state',
    read: parseDeviceState,
    seeds: ['x86_64', 'i386', 'no-footers'].map((name) => readSeed(`qmp/device-state/${name}.bin`)),
    hard: {
      sections: manySections,
      'vCPU names': repeated('\x03cpu', 'QEVM\0\0\0\x03'),
      headers: repeated('\x04\0\0\0\0\x03cpu\0\0\0\0\0\0\0\x0c', 'QEVM\0\0\0\x03'),
      zeros: repeated('\0', 'QEVM\0\0\0\x03'),
    },
  },
  {
    name: 'a list of addresses',
    read: readList,
    seeds: [Buffer.from('0x1000\n\n  # a comment\r\n4096 # two\r\nffff8000`00105000\n')],
    hard: {
      addresses: repeated('0x1000\n'),
      comments: repeated('# x\n'),
      junk: repeated('x y\n'),
      zeros: repeated('\0'),
      underscores: repeated(`0x${'_'.repeat(200)}\n`),
    },
  },
  {
    name: 'a saved map',
    read: readMap,
    seeds: [`${HEADING}${PAGE}${END}`, `${HEADING.replace('pages', 'ranges')}${RANGE}${END}`].map((each) =>
      Buffer.from(each),
    ),
    hard: {
      arrays: repeated('[', HEADING),
      ends: repeated(END, HEADING),
      'a line': repeated('x'),
    },
  },
  {
    name: 'an endpoint',
    read: (input) => parseEndpoint(input.toString('utf8')),
    seeds: ['unix:/run/a,,b,server=on', 'tcp:[::1]:1234', 'exec:true', 'host:1'].map((each) => Buffer.from(each)),
    hard: { commas: repeated(',,', 'unix:/x'), options: repeated(',server', 'unix:/x'), colons: repeated(':', 'tcp:') },
  },
];
