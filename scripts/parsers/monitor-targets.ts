import { parseChardevFilename } from '../../protocols/qmp/commands/query-chardev.ts';
import {
  findPluggedCpuPath,
  isHmpError,
  parseAllInfoRegisters,
  parseFlatViews,
  parseGdbserverOutput,
  parseHostAddress,
  parseInfoCpus,
  parseInfoKvm,
  parseInfoStatus,
  parseInfoVersion,
  parseMemoryDump,
} from '../../protocols/qmp/index.ts';
import { RegionSet } from '../../src/guest/memory/region-set.ts';
import { selectMemoryMap } from '../../src/guest/qemu/select-memory-map.ts';
import { digits, numbered, type ParserTarget, repeated } from './parser-target.ts';
import { readSeed } from './read-seed.ts';

const VIEW = 'FlatView #0\n AS "memory", root: system\n AS "cpu-memory-0", root: system\n Root memory region: system\n';
const OWN_VIEW = 'FlatView #1\n AS "cpu-memory-0", root: system\n Root memory region: system\n';
const RANGE = '  0000000000000000-0000000000000fff (prio 0, ram): x';

function text(read: (text: string) => unknown): (input: Buffer) => unknown {
  return (input) => read(input.toString('utf8'));
}

function rangeLine(at: number): string {
  return `  ${digits(at * 0x2000)}-${digits(at * 0x2000 + 0xfff)} (prio 0, ram): r${at} @${digits(at * 0x2000)}\n`;
}

/** Two views of the same ranges, of which one is the system's. */
function twoViews(bytes: number): Buffer {
  const ranges = numbered(rangeLine)(bytes / 2);
  return Buffer.concat([Buffer.from(VIEW.replace(/.*cpu-memory.*\n/, '')), ranges, Buffer.from(OWN_VIEW), ranges]);
}

function memoryMap(input: string): void {
  const map = selectMemoryMap(parseFlatViews(input), 0, false);
  const regions = new RegionSet(map);
  for (const { first } of map.regions) {
    const page = Number(BigInt.asUintN(52, first)) / 4096;
    regions.classify(Math.floor(page), Math.floor(page) + 2);
    map.readableParts(Math.floor(page) * 4096, 8192);
  }
}

/** The texts of the human monitor, and what is made of them. */
export const MONITOR_TARGETS: readonly ParserTarget[] = [
  {
    name: 'info mtree -f',
    read: text(parseFlatViews),
    seeds: ['mtree.txt', 'mtree-kvm.txt', 'mtree-owners.txt'].map((name) => readSeed(`qmp/${name}`)),
    hard: {
      ranges: numbered(rangeLine, VIEW),
      views: repeated('FlatView #0\n'),
      'address spaces': repeated(' AS "cpu-memory-0", root: system, alias x\n', VIEW),
      'owners in lines': repeated(`${RANGE}${' owner:{}'.repeat(400)}!\n`, VIEW),
      'owners in one line': repeated(' owner:{}', `${VIEW}${RANGE}`, '!\n'),
      accelerators: repeated(`${RANGE}${' KVM'.repeat(900)}x\n${OWN_VIEW}`, VIEW),
      aliases: repeated(` AS "${'", root: , alias '.repeat(200)}\n`, VIEW),
      'line ends': repeated('\r\n'),
      'a line': repeated('x'),
    },
  },
  {
    name: 'the map of memory',
    read: text(memoryMap),
    seeds: [readSeed('qmp/mtree.txt'), twoViews(4096)],
    hard: { 'two views': twoViews, 'one view': numbered(rangeLine, VIEW) },
  },
  {
    name: 'info registers -a',
    read: text(parseAllInfoRegisters),
    seeds: ['all', 'long-mode', 'compatibility-mode', 'real-mode'].map((name) => readSeed(`qmp/registers/${name}.txt`)),
    hard: {
      vCPUs: repeated(readSeed('qmp/registers/long-mode.txt').toString('latin1')),
      'equals signs': repeated(`${'='.repeat(4000)}\n`, 'CPU#0\n'),
      names: repeated(`${'CS = '.repeat(800)}\n`, 'CPU#0\n'),
      spaces: repeated(`CS =${' '.repeat(4000)}x\n`, 'CPU#0\n'),
      digits: repeated(`CR3=${'f'.repeat(4000)}\n`, 'CPU#0\n'),
      headers: repeated('CPU#0\n'),
    },
  },
  {
    name: 'info cpus',
    read: text(parseInfoCpus),
    seeds: [readSeed('qmp/cpus.txt')],
    hard: {
      vCPUs: numbered((at) => `  CPU #${at}: thread_id=${at}\n`),
      threads: repeated(`  CPU #0:${' thread_id='.repeat(300)}\n`),
      blanks: repeated('   \n'),
    },
  },
  {
    name: 'info status',
    read: text(parseInfoStatus),
    seeds: ['running', 'paused', 'prelaunch'].map((name) => readSeed(`qmp/status/${name}.txt`)),
    hard: { spaces: repeated(' ', 'VM status: paused', 'x'), reason: repeated('-', 'VM status: paused (') },
  },
  {
    name: 'gdbserver',
    read: text(parseGdbserverOutput),
    seeds: [Buffer.from("Waiting for gdb connection on device 'unix:/run/x.gdb,server=on,wait=off'\r\n")],
    hard: {
      quotes: repeated("Waiting for gdb connection on device '"),
      lines: repeated('duplicate yank\n'),
      blanks: repeated(' \n'),
    },
  },
  {
    name: 'complaints of the monitor',
    read: text(isHmpError),
    seeds: [
      Buffer.from("unknown command: 'bogus'\r\n"),
      Buffer.from('reason\r\nTry "help x" for more information\r\n'),
    ],
    hard: {
      quotes: repeated("'", "unknown command: '"),
      advice: repeated('Try "help \n'),
      spaces: repeated(' ', "unknown command: 'x'", 'x'),
    },
  },
  {
    name: 'gpa2hva',
    read: text(parseHostAddress),
    seeds: [Buffer.from('Host virtual address for 0x100000 (pc.ram) is 0x7f8e4be00000\r\n')],
    hard: {
      ends: repeated(') is 0x', 'Host virtual address for 0x1 ('),
      digits: repeated('f', 'Host virtual address for 0x'),
    },
  },
  {
    name: 'xp',
    read: text((input) => parseMemoryDump(input, 4)),
    seeds: [Buffer.from('0000000000110000: 0x0000000000111067 0x0000000000114007\r\n'.repeat(2))],
    hard: { words: repeated(' 0x1', '1:'), blanks: repeated(' \n') },
  },
  {
    name: 'info version, info kvm, info hotpluggable-cpus',
    read: text((input) => [parseInfoVersion(input), parseInfoKvm(input), findPluggedCpuPath(input)]),
    seeds: [
      Buffer.from('7.2.22Debian\r\n'),
      Buffer.from('kvm support: enabled\r\n'),
      Buffer.from('Hotpluggable CPUs:\r\n  qom_path: "/machine/x"\r\n'),
    ],
    hard: { 'line ends': repeated('\n', '', 'x'), numbers: repeated('9'), paths: repeated('qom_path: "\n') },
  },
  {
    name: 'query-chardev',
    read: text(parseChardevFilename),
    seeds: [
      Buffer.from('disconnected:unix:/run/x.gdb,server=on'),
      Buffer.from('tcp:[::1]:1234,server=on <-> [::1]:40388'),
    ],
    hard: { clients: repeated(',server <-> ', 'unix:', '\n'), colons: repeated(':', 'tcp:', ',server=on') },
  },
];
