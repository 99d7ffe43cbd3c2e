import * as z from 'zod/mini';
import { type InfoRegisters, MonitorTextError, parseAllInfoRegisters } from '../../../protocols/qmp/index.ts';
import type { Region } from '../../guest/index.ts';
import { DumpRegistersError } from '../errors.ts';
import { latin1 } from '../file/fields.ts';
import { PlainFile } from '../file/plain-file.ts';
import type { DumpedVcpu, Told } from './dumped-vcpu.ts';

/** What a file of registers holds. @internal */
export interface SavedRegisters {
  readonly vcpus: readonly DumpedVcpu[];
  /** The memory map, where the file has one; of a vCPU like any other. */
  readonly regions: readonly Region[] | null;
}

/** Some kilobytes for each vCPU. */
const MOST_BYTES = 16 << 20;
const MOST_REGIONS = 65_536;
const CODE_64 = 1 << 21;

/**
 * Reads what `info registers` (`-a` for all vCPUs) printed, or lines of `pagewalk state --json`.
 *
 * @throws DumpFileError `ERR_DUMP_FILE`, DumpRegistersError `ERR_DUMP_REGISTERS`.
 * @internal
 */
export function readRegistersFile(name: string): SavedRegisters {
  using file = new PlainFile(name);
  if (file.sizeBytes > MOST_BYTES)
    throw new DumpRegistersError(name, `has ${file.sizeBytes} bytes, which no registers have`);
  const bytes = new Uint8Array(file.sizeBytes);
  file.readInto(0, bytes);
  return parseRegisters(latin1(bytes), name);
}

/** @throws DumpRegistersError `ERR_DUMP_REGISTERS`. @internal */
export function parseRegisters(text: string, name: string): SavedRegisters {
  const saved = /^\s*\{/.test(text) ? parseStates(text, name) : parseInfo(text, name);
  const numbers = saved.vcpus.map(({ cpu }) => cpu);
  if (new Set(numbers).size !== numbers.length) {
    throw new DumpRegistersError(name, 'has the registers of one vCPU twice');
  }
  return saved;
}

function parseInfo(text: string, name: string): SavedRegisters {
  try {
    return { vcpus: parseAllInfoRegisters(text).map((each) => printedVcpu(each, name)), regions: null };
  } catch (error) {
    if (!(error instanceof MonitorTextError)) throw error;
    throw new DumpRegistersError(
      name,
      `is neither what info registers -a prints nor a line of pagewalk state --json (${error.message})`,
      { cause: error },
    );
  }
}

function printedVcpu(shown: InfoRegisters, name: string): DumpedVcpu {
  const { cpuIndex, cr0, cr2, cr3, cr4, efer, rflags, cpl, a20, rip, segments, gdt, idt, tr } = shown;
  return {
    cpu: cpuIndex,
    where: `${name}, info registers`,
    from: 'registers-file',
    cr0,
    cr3,
    cr4,
    rflags,
    cs: BigInt(segments.cs.selector),
    ss: BigInt(segments.ss.selector),
    cpl,
    efer: { value: efer },
    a20,
    isCode64: (segments.cs.flags & CODE_64) !== 0,
    longMode: null,
    position: { rip, csBase: segments.cs.base, rsp: null, ssBase: segments.ss.base, cr2 },
    descriptorTables: [
      ['IDT', idt.base],
      ['GDT', gdt.base],
      ['TSS', tr.base],
    ],
    keys: {},
    features: {},
    mayRunNested: true,
  };
}

const hexSchema = z.string().check(z.regex(/^0x[0-9a-f]{1,16}$/));
const toldSchema = <T extends z.ZodMiniType>(value: T) =>
  z.object({ value, source: z.string(), detail: z.optional(z.string()) });
const registerSchema = toldSchema(hexSchema);
const intSchema = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));

/** A line of `state --json`, as far as it is taken. */
const stateSchema = z.object({
  cpu: intSchema(0, 2 ** 32 - 1),
  registers: z.object({
    cr0: registerSchema,
    cr3: registerSchema,
    cr4: registerSchema,
    efer: registerSchema,
    rflags: registerSchema,
    cs: registerSchema,
    ss: registerSchema,
    cpl: toldSchema(intSchema(0, 3)),
    a20: z.optional(toldSchema(z.boolean())),
    pkru: registerSchema,
    pkrs: registerSchema,
    nested: toldSchema(z.nullable(z.object({ kind: z.string() }))),
  }),
  processor: z.object({
    maxPhyAddr: toldSchema(intSchema(32, 52)),
    vendor: toldSchema(z.enum(['intel', 'amd'])),
    pse36: toldSchema(z.boolean()),
    pdpe1gb: toldSchema(z.boolean()),
  }),
  memory: z
    .array(
      z.object({
        kind: z.enum(['ram', 'rom', 'device', 'none']),
        name: z.string().check(z.maxLength(256)),
        first: hexSchema,
        last: hexSchema,
      }),
    )
    .check(z.maxLength(MOST_REGIONS)),
});
type SavedState = z.infer<typeof stateSchema>;

function parseStates(text: string, name: string): SavedRegisters {
  const states = text
    .split('\n')
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => parseState(line, number, name));
  const [first] = states;
  if (first === undefined) throw new DumpRegistersError(name, 'is empty');
  return { vcpus: states.map((state) => savedVcpu(state, name)), regions: regionsOf(first, name) };
}

function parseState(line: string, number: number, name: string): SavedState {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new DumpRegistersError(name, `line ${number} is no JSON`, { cause: error });
  }
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  throw new DumpRegistersError(name, `line ${number} is not what pagewalk state --json prints${where}`);
}

function savedVcpu({ cpu, registers, processor }: SavedState, name: string): DumpedVcpu {
  const { cr0, cr3, cr4, efer, rflags, cs, ss, cpl, a20, pkru, pkrs, nested } = registers;
  if (nested.value !== null) {
    throw new DumpRegistersError(
      name,
      `vCPU ${cpu} ran a nested guest (L2): give its second stage with --nested, and the registers by info registers`,
    );
  }
  const keyOf = (key: SavedState['registers']['pkru']): Told<number> | null =>
    key.source === 'not-in-use' ? null : { ...told({ ...key, value: Number(key.value) }) };
  const [keyU, keyS] = [keyOf(pkru), keyOf(pkrs)];
  return {
    cpu,
    where: `${name}, state`,
    from: 'registers-file',
    cr0: BigInt(cr0.value),
    cr3: BigInt(cr3.value),
    cr4: BigInt(cr4.value),
    rflags: BigInt(rflags.value),
    cs: BigInt(cs.value),
    ss: BigInt(ss.value),
    cpl: cpl.value,
    efer: told({ ...efer, value: BigInt(efer.value) }),
    a20: a20 === undefined || a20.source === 'assumed' ? null : a20.value,
    isCode64: null,
    longMode: null,
    position: null,
    descriptorTables: [],
    keys: { ...(keyU === null ? {} : { pkru: keyU }), ...(keyS === null ? {} : { pkrs: keyS }) },
    features: {
      maxPhyAddr: told(processor.maxPhyAddr),
      vendor: told(processor.vendor),
      pse36: told(processor.pse36),
      pdpe1gb: told(processor.pdpe1gb),
    },
    mayRunNested: nested.source === 'assumed',
  };
}

/** What was assumed when the file was written is assumed still. */
function told<T>({ value, source, detail }: { value: T; source: string; detail?: string | undefined }): Told<T> {
  return source === 'assumed' ? { value, assumed: detail ?? 'it was assumed when the file was written' } : { value };
}

function regionsOf({ memory }: SavedState, name: string): readonly Region[] {
  let end = -1n;
  return memory.map(({ kind, name: called, first, last }) => {
    const region = { kind, name: called, first: BigInt(first), last: BigInt(last), offset: 0n };
    if (region.first <= end || region.last < region.first) {
      throw new DumpRegistersError(name, `its memory map is out of order at ${first}`);
    }
    end = region.last;
    return region;
  });
}
