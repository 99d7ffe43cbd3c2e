import type { GuestMemory } from './guest-memory.ts';
import { HIGH_ALIAS, RAM_BYTES, RECORD, RESULT, SAMPLES, SPARE } from './layout.ts';
import type { Probe } from './probe.ts';

/** What the guest wrote of a probe. */
export interface ProbeResult {
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2: bigint;
  readonly ip: bigint;
  readonly value: bigint;
  /** CPL where the exception came from. */
  readonly cpl: number;
  readonly samples: readonly bigint[];
  /** How many probes the guest had before it, this one included. */
  readonly left: number;
}

/** Writes a probe's record for the guest. */
export function encodeRecord(probe: Probe, memory: GuestMemory, records: Buffer, offset: number): void {
  const { registers, kind, expected } = probe;
  records.writeUInt32LE(kind.number, offset + RECORD.kind);
  records.writeUInt32LE(registers.flags, offset + RECORD.flags);
  records.writeBigUInt64LE(BigInt(probe.cr3), offset + RECORD.cr3);
  records.writeBigUInt64LE(probe.linear, offset + RECORD.linear);
  for (const name of ['cr0', 'cr4', 'efer', 'pkru', 'pkrs'] as const) {
    records.writeUInt32LE(registers[name], offset + RECORD[name]);
  }
  for (let at = 0; at < SAMPLES; at++) {
    const sample = expected.samples[at];
    const seen = sample === undefined ? SPARE : guestAddress(memory, sample.address);
    records.writeUInt32LE(seen, offset + RECORD.samples + 8 * at);
    records.writeUInt32LE(0, offset + RECORD.samples + 8 * at + 4);
  }
}

/** Where the kernel sees physical memory between probes. */
function guestAddress({ highBase }: GuestMemory, address: number): number {
  if (address < RAM_BYTES) return address;
  return HIGH_ALIAS + (address - (highBase ?? 0));
}

/** Reads what the guest wrote of a probe. Of words it wrote as many bits as its mode has. */
export function decodeResult(results: Buffer, offset: number, isLong: boolean, samples: number): ProbeResult {
  const word = (at: number): bigint =>
    isLong ? results.readBigUInt64LE(offset + at) : BigInt(results.readUInt32LE(offset + at));
  return {
    vector: results.readUInt32LE(offset + RESULT.vector),
    errorCode: results.readUInt32LE(offset + RESULT.error),
    cr2: word(RESULT.cr2),
    ip: word(RESULT.ip),
    value: word(RESULT.value),
    cpl: results.readUInt32LE(offset + RESULT.cs) & 3,
    samples: Array.from({ length: samples }, (_, at) => results.readBigUInt64LE(offset + RESULT.samples + 8 * at)),
    left: results.readUInt32LE(offset + RESULT.left),
  };
}
