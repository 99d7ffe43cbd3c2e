import { MonitorTextError } from '../errors.ts';
import { LineScanner } from './line-scanner.ts';
import { TextLines } from './lines.ts';

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
/** More than any machine of QEMU's has. */
const MAX_CPUS = 8192;

const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'] as const;
const TABLES = ['GDT', 'IDT'] as const;
const FIELDS = [
  ...['RIP', 'EIP', 'RFL', 'EFL', 'CPL', 'II', 'A20', 'SMM', 'HLT'],
  ...['CR0', 'CR2', 'CR3', 'CR4', 'EFER'],
] as const;
/** How many numbers each has; what is not in here is not looked at. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ...SEGMENTS.map((name) => [name, 4] as const),
  ...TABLES.map((name) => [name, 2] as const),
  ...FIELDS.map((name) => [name, 1] as const),
]);
const MAX_NAME_CHARS = 4;
/** RIP and RFL are there, or EIP and EFL. What is printed behind all these is of the FPU, and long. */
const ALL_NAMES = WORDS.size - 2;

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
  const cpus: InfoRegisters[] = [];
  let printed: PrintedCpu | undefined;
  const line = new TextLines(COMMAND_LINE, text);
  while (line.next()) {
    const cpuIndex = readHeader(line);
    if (cpuIndex === undefined) {
      printed?.add(line.text);
      continue;
    }
    if (printed !== undefined) cpus.push(readCpu(printed));
    if (cpus.length === MAX_CPUS) throw line.error(`there are more than ${MAX_CPUS} vCPUs in it`);
    printed = new PrintedCpu(cpuIndex);
  }
  if (printed === undefined) throw new MonitorTextError(COMMAND_LINE, 'there is no vCPU in it');
  cpus.push(readCpu(printed));
  return cpus;
}

/** `CPU#0` */
function readHeader({ text }: TextLines): number | undefined {
  const scanner = new LineScanner(text);
  const cpuIndex = scanner.take('CPU#') ? scanner.decimal() : undefined;
  return cpuIndex !== undefined && scanner.rest.trim() === '' ? cpuIndex : undefined;
}

/** The registers of one vCPU as they were printed, by name. The first that can be read counts. */
class PrintedCpu {
  readonly cpuIndex: number;
  readonly #words = new Map<string, readonly string[]>();

  constructor(cpuIndex: number) {
    this.cpuIndex = cpuIndex;
  }

  /** Finds every `NAME =digits` of a line. */
  add(line: string): void {
    if (this.#words.size === ALL_NAMES) return;
    for (let mark = line.indexOf('='); mark >= 0; mark = line.indexOf('=', mark + 1)) {
      const { name, start } = nameBefore(line, mark);
      const count = WORDS.get(name);
      if (count === undefined || this.#words.has(name)) continue;
      // Segments and tables have lines of their own; a flag of the same name does not.
      const words = count > 1 && start > 0 ? undefined : readWords(line, mark + 1, count);
      if (words !== undefined) this.#words.set(name, words);
    }
  }

  has(name: string): boolean {
    return this.#words.has(name);
  }

  words(name: string): readonly string[] {
    const words = this.#words.get(name);
    if (words === undefined) {
      throw new MonitorTextError(COMMAND_LINE, `${name} of vCPU ${this.cpuIndex} is missing`);
    }
    return words;
  }

  big(name: string): bigint {
    return BigInt(`0x${this.words(name)[0]}`);
  }

  flag(name: string): boolean {
    return this.words(name)[0] === '1';
  }
}

/** The word in front of an `=`, and where it begins; empty if it is longer than any name here. */
function nameBefore(line: string, mark: number): { name: string; start: number } {
  let end = mark;
  while (end > 0 && line.charCodeAt(end - 1) === SPACE && mark - end < MAX_NAME_CHARS) end--;
  let start = end;
  while (start > 0 && line.charCodeAt(start - 1) > SPACE && end - start <= MAX_NAME_CHARS) start--;
  return { name: end - start > MAX_NAME_CHARS ? '' : line.slice(start, end), start };
}

/** Numbers in hexadecimal with a space between, as many as there should be. */
function readWords(line: string, start: number, count: number): readonly string[] | undefined {
  const scanner = new LineScanner(line, start);
  const words: string[] = [];
  scanner.skipSpaces();
  while (words.length < count) {
    const word = words.length === 0 || scanner.take(' ') ? scanner.hexDigits(16) : undefined;
    if (word === undefined) return undefined;
    words.push(word);
  }
  return scanner.isAtEnd || line.charCodeAt(scanner.at) === SPACE ? words : undefined;
}

const SPACE = 0x20;

function readCpu(printed: PrintedCpu): InfoRegisters {
  const big = (name: string): bigint => printed.big(name);
  const flag = (name: string): boolean => printed.flag(name);
  const segment = (name: string): PrintedSegment => readSegment(printed.words(name));
  const table = (name: string): PrintedTable => readTable(printed.words(name));
  const is64 = printed.has('RIP');
  return {
    cpuIndex: printed.cpuIndex,
    form: is64 ? 64 : 32,
    rip: big(is64 ? 'RIP' : 'EIP'),
    rflags: big(is64 ? 'RFL' : 'EFL'),
    cpl: hex(printed.words('CPL')[0]),
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
function readSegment([selector, base, limit, flags]: readonly string[]): PrintedSegment {
  return { selector: hex(selector), base: BigInt(`0x${base}`), limit: hex(limit), flags: hex(flags) };
}

/** `GDT=     fffffe0000001000 0000007f` */
function readTable([base, limit]: readonly string[]): PrintedTable {
  return { base: BigInt(`0x${base}`), limit: hex(limit) };
}

function hex(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16);
}
