import { MonitorTextError } from '../errors.ts';
import { normalizeLineEnds } from './hmp-output.ts';

/** A segment register as printed. @public */
export interface PrintedSegment {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  /** The second word of the descriptor: DPL in bits 13 to 14, L in bit 21, D/B in bit 22. */
  readonly flags: number;
}

/** GDTR or IDTR as printed. @public */
export interface PrintedTable {
  readonly base: bigint;
  readonly limit: number;
}

/** One vCPU of `info registers`, as far as address translation needs it. @public */
export interface InfoRegisters {
  readonly cpuIndex: number;
  /** Which form RIP was printed in: `64` if the CPU is in 64-bit code, else `32`, with everything cut to 32 bits. */
  readonly form: 32 | 64;
  /** The offset in the code segment, not a linear address. */
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly cpl: number;
  /** Interrupts are inhibited for one instruction. */
  readonly inhibitIrq: boolean;
  readonly a20: boolean;
  readonly smm: boolean;
  readonly halted: boolean;
  readonly segments: Readonly<Record<'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs', PrintedSegment>>;
  readonly ldt: PrintedSegment;
  readonly tr: PrintedSegment;
  readonly gdt: PrintedTable;
  readonly idt: PrintedTable;
  readonly cr0: bigint;
  readonly cr2: bigint;
  /** Only its lower half outside of long mode; there it has no upper one that counts. */
  readonly cr3: bigint;
  /** The lower 32 bits: QEMU prints no more of it in any mode. */
  readonly cr4: bigint;
  readonly efer: bigint;
}

const COMMAND_LINE = 'info registers';

/**
 * Reads `info registers` of one vCPU. QEMU prints three forms: 64-bit code; long mode but 32-bit code, with wide control
 * registers and narrow segments; and everything narrow. Names and digits decide here, not the width.
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) when a register is missing, or the text is of several vCPUs.
 * @public
 */
export function parseInfoRegisters(text: string): InfoRegisters {
  const [first, second] = parseAllInfoRegisters(text);
  if (first === undefined || second !== undefined) {
    throw new MonitorTextError(COMMAND_LINE, 'one vCPU was expected');
  }
  return first;
}

/**
 * Reads `info registers -a`: every vCPU.
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) when a register is missing, or no vCPU is in it.
 * @public
 */
export function parseAllInfoRegisters(text: string): readonly InfoRegisters[] {
  const parts = normalizeLineEnds(text).split(/^CPU#(\d+)[ \t]*$/m);
  if (parts.length < 3) throw new MonitorTextError(COMMAND_LINE, 'there is no vCPU in it');
  const cpus: InfoRegisters[] = [];
  for (let at = 1; at < parts.length; at += 2) cpus.push(readCpu(Number(parts[at]), parts[at + 1] ?? ''));
  return cpus;
}

function readCpu(cpuIndex: number, text: string): InfoRegisters {
  const field = (name: string): string => {
    const value = new RegExp(`(?:^|\\s)${name} *=\\s*([0-9a-f]+)\\b`, 'm').exec(text)?.[1];
    if (value === undefined) throw new MonitorTextError(COMMAND_LINE, `${name} of vCPU ${cpuIndex} is missing`);
    return value;
  };
  const big = (name: string): bigint => BigInt(`0x${field(name)}`);
  const flag = (name: string): boolean => field(name) === '1';
  const segment = (name: string): PrintedSegment => readSegment(cpuIndex, text, name);
  const table = (name: string): PrintedTable => readTable(cpuIndex, text, name);
  const is64 = /^RIP=/m.test(text);
  return {
    cpuIndex,
    form: is64 ? 64 : 32,
    rip: big(is64 ? 'RIP' : 'EIP'),
    rflags: big(is64 ? 'RFL' : 'EFL'),
    cpl: Number(field('CPL')),
    ...{ inhibitIrq: flag('II'), a20: flag('A20'), smm: flag('SMM'), halted: flag('HLT') },
    segments: {
      ...{ es: segment('ES'), cs: segment('CS'), ss: segment('SS') },
      ...{ ds: segment('DS'), fs: segment('FS'), gs: segment('GS') },
    },
    ...{ ldt: segment('LDT'), tr: segment('TR'), gdt: table('GDT'), idt: table('IDT') },
    ...{ cr0: big('CR0'), cr2: big('CR2'), cr3: big('CR3'), cr4: big('CR4'), efer: big('EFER') },
  };
}

/** `CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]` */
function readSegment(cpuIndex: number, text: string, name: string): PrintedSegment {
  const match = new RegExp(`^${name} *= *([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)\\b`, 'm').exec(text);
  if (match === null) throw new MonitorTextError(COMMAND_LINE, `${name} of vCPU ${cpuIndex} is missing`);
  const [, selector, base, limit, flags] = match;
  return { selector: hex(selector), base: BigInt(`0x${base}`), limit: hex(limit), flags: hex(flags) };
}

/** `GDT=     fffffe0000001000 0000007f` */
function readTable(cpuIndex: number, text: string, name: string): PrintedTable {
  const match = new RegExp(`^${name} *= *([0-9a-f]+) ([0-9a-f]+)\\s*$`, 'm').exec(text);
  if (match === null) throw new MonitorTextError(COMMAND_LINE, `${name} of vCPU ${cpuIndex} is missing`);
  return { base: BigInt(`0x${match[1]}`), limit: hex(match[2]) };
}

function hex(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16);
}
