import { describeAssumption } from '../assumed/format-assumption.ts';
import { formatCause } from '../causes/format-cause.ts';
import type { Style } from '../style.ts';
import { formatHex, linearDigits } from '../words/format-hex.ts';
import { formatMode } from '../words/format-mode.ts';
import { formatSize } from '../words/format-size.ts';
import { assumedOf } from './assumed-of.ts';
import { detailOf } from './detail-of.ts';
import { isRealMode, stateRows } from './register-rows.ts';
import type { ReportedMemoryAccess, ReportedState } from './reported-state.ts';

/**
 * The state of a vCPU as a table: name, value, the bits that matter, where the value was read. Below it the memory that
 * page tables can lie in.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatState(reported: ReportedState, style: Style): string {
  const lines = [
    formatHeading(reported, style),
    '',
    ...formatRows(reported, style),
    '',
    ...formatMemory(reported, style),
    ...formatMemoryAccess(reported.memoryAccess, style),
    ...assumedOf(reported).map((each) => style.mark(`! assumed: ${describeAssumption(each)}`)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function formatHeading({ cpu, cpus, state, context, runs, memoryAccess }: ReportedState, style: Style): string {
  const unknown = memoryAccess.provider === DUMP ? 'in a dump' : 'run state unknown';
  const run = runs === undefined ? unknown : runs ? 'running' : 'paused';
  const facts = [
    ...(isRealMode(state) ? ['real mode'] : []),
    formatMode(context.mode),
    `${context.linearBits}-bit linear addresses`,
    `guest ${run}`,
  ];
  const hasGaps = cpus.some((each, at) => each !== at);
  const which = hasGaps ? `vCPU ${cpu} (${cpus.length} vCPUs: ${cpus.join(', ')})` : `vCPU ${cpu} of ${cpus.length}`;
  return `${style.strong(which)}   ${facts.join(', ')}`;
}

/** What leaves a line of 80 columns room for where most values are from. */
const MEANING = 20;

function formatRows(reported: ReportedState, style: Style): string[] {
  const rows = stateRows(reported).map((row) => ({ ...row, where: `${row.source.from}: ${detailOf(row.source)}` }));
  const names = Math.max(...rows.map(({ name }) => name.length));
  // A value that has more than an address, such as a second stage, pushes on its own line alone.
  const values = linearDigits(reported.context.mode) + '0x'.length;
  return rows.map(({ name, value, meaning, where, source }) => {
    const columns = [name.padEnd(names), value.padEnd(values), meaning.padEnd(MEANING)];
    return `${columns.join('  ')}  ${(source.from === 'assumed' ? style.mark : style.faint)(where)}`;
  });
}

const DUMP = 'dump';
const WORDS = { ram: 'RAM', rom: 'ROM' } as const;

/** Devices are counted: there are dozens, and none of them holds page tables. */
function formatMemory({ memory: ranges, memoryAccess }: ReportedState, style: Style): string[] {
  const held = ranges.filter(({ kind }) => kind === 'ram' || kind === 'rom');
  const digits = held.reduce((most, { last }) => Math.max(most, formatHex(last).length - '0x'.length), 8);
  const lines = ranges.flatMap(({ kind, name, first, last }) =>
    kind === 'ram' || kind === 'rom'
      ? [
          `  ${formatHex(first, digits)}-${formatHex(last, digits)}  ${WORDS[kind]}  ${formatSize(last - first + 1n).padStart(5)}  ${name}`.trimEnd(),
        ]
      : [],
  );
  const devices = ranges.filter(({ kind }) => kind === 'device').length;
  const isDump = memoryAccess.provider === DUMP;
  return [
    `physical memory  ${style.faint(isDump ? 'dump: what it holds' : 'monitor: info mtree -f')}`,
    ...lines,
    // A dump has no list of devices unless one was saved beside it.
    ...(isDump && devices === 0 ? [] : [`  device regions, never read: ${devices}`]),
  ];
}

const PROVIDER_WORDS: Readonly<Record<string, string>> = {
  'host-file': 'the file that backs it',
  'host-process': "the QEMU process's memory",
  'gdb-stub': 'the GDB stub',
  dump: 'the dump',
};

/** Few entries always come through the stub, which is there anyway. */
function formatMemoryAccess({ provider, attempts }: ReportedMemoryAccess, style: Style): string[] {
  const words = (name: string) => PROVIDER_WORDS[name] ?? name;
  return [
    `  bulk reads: ${words(provider)}`,
    ...attempts.map((attempt) =>
      style.faint(`  not through ${words(attempt.provider)}: ${formatCause(attempt.cause)}`),
    ),
  ];
}
