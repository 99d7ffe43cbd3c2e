import { RECORD, RESULT, SAMPLES } from '../layout.ts';

/** One run of the guest, as the hypervisor is told: its own registers, and the guest's. */
export interface SvmRecord {
  readonly hostCr0: number;
  readonly hostCr4: number;
  readonly hostEfer: number;
  readonly pkru: number;
  readonly pkrs: number;
  readonly nestedCr3: number;
  /** CPL 3, else 0. */
  readonly user: boolean;
  /** The code is in 64-bit mode. */
  readonly is64Bit: boolean;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly rflags: number;
  readonly rip: bigint;
  readonly rax: bigint;
  readonly gdt: bigint;
  /** Addresses, as the hypervisor sees them, of eight bytes each that are looked at after the run, and put back. */
  readonly samples: readonly number[];
}

/** What the hypervisor wrote of a run. */
export interface SvmResult {
  readonly exitCode: bigint;
  readonly exitInfo1: bigint;
  readonly exitInfo2: bigint;
  readonly exitInterrupt: bigint;
  readonly rip: bigint;
  readonly rax: bigint;
  readonly cr2: bigint;
  readonly cpl: number;
  readonly samples: readonly bigint[];
  /** How many runs it had before it, this one included. */
  readonly left: number;
}

/** The lower 16 bits are the selector, the upper ones the attributes as a VMCB has them. APM vol. 2, 15.5.1. */
const CODE_64 = 0x0a9b_0008;
const CODE_32 = 0x0c9b_0008;
const DATA = 0x0c93_0010;
const DPL_3 = 0x0060_0003;

export function encodeRecord(record: SvmRecord, bytes: Buffer, offset: number): void {
  const { user, is64Bit, samples } = record;
  if (samples.length > SAMPLES) throw new RangeError(`a record has ${SAMPLES} samples, not ${samples.length}`);
  const words = {
    sampleCount: samples.length,
    hostCr0: record.hostCr0,
    hostCr4: record.hostCr4,
    hostEfer: record.hostEfer,
    pkru: record.pkru,
    pkrs: record.pkrs,
    cs: (is64Bit ? CODE_64 : CODE_32) | (user ? DPL_3 : 0),
    ss: DATA | (user ? DPL_3 : 0),
    cpl: user ? 3 : 0,
  };
  for (const [name, value] of Object.entries(words)) {
    bytes.writeUInt32LE(value >>> 0, offset + RECORD[name as keyof typeof words]);
  }
  for (const name of ['cr0', 'cr3', 'cr4', 'efer', 'rflags', 'nestedCr3'] as const) {
    bytes.writeBigUInt64LE(BigInt(record[name]), offset + RECORD[name]);
  }
  for (const name of ['rip', 'rax', 'gdt'] as const) bytes.writeBigUInt64LE(record[name], offset + RECORD[name]);
  for (const [at, address] of samples.entries()) bytes.writeUInt32LE(address, offset + RECORD.samples + 8 * at);
}

const words64 = ['exitCode', 'exitInfo1', 'exitInfo2', 'exitInterrupt', 'rip', 'rax', 'cr2'] as const;

/** Writes what the hypervisor must write, byte for byte. */
export function encodeResult(result: SvmResult, bytes: Buffer, offset: number): void {
  for (const name of words64) bytes.writeBigUInt64LE(result[name], offset + RESULT[name]);
  bytes.writeUInt32LE(result.left, offset + RESULT.left);
  bytes.writeUInt32LE(result.cpl, offset + RESULT.cpl);
  for (const [at, sample] of result.samples.entries()) {
    bytes.writeBigUInt64LE(sample, offset + RESULT.samples + 8 * at);
  }
}

/** @param samples - how many the run was told to take */
export function decodeResult(bytes: Buffer, offset: number, samples: number): SvmResult {
  const word = (name: (typeof words64)[number]): bigint => bytes.readBigUInt64LE(offset + RESULT[name]);
  return {
    exitCode: word('exitCode'),
    exitInfo1: word('exitInfo1'),
    exitInfo2: word('exitInfo2'),
    exitInterrupt: word('exitInterrupt'),
    rip: word('rip'),
    rax: word('rax'),
    cr2: word('cr2'),
    cpl: bytes.readUInt32LE(offset + RESULT.cpl),
    left: bytes.readUInt32LE(offset + RESULT.left),
    samples: Array.from({ length: samples }, (_, at) => bytes.readBigUInt64LE(offset + RESULT.samples + 8 * at)),
  };
}
