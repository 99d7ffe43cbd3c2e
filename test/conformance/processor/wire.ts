import type { GuestMemory } from './guest-memory.ts';
import { RECORD, RESULT, SAMPLES, SPARE } from './layout.ts';
import type { Probe } from './probe.ts';

/** What the guest wrote of a probe. */
export interface ProbeResult {
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2: bigint;
  readonly ip: bigint;
  readonly value: bigint;
  /** CS where the exception came from. */
  readonly codeSegment: number;
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
    const seen = sample === undefined ? SPARE : memory.seenAt(sample.address);
    records.writeUInt32LE(seen, offset + RECORD.samples + 8 * at);
    records.writeUInt32LE(0, offset + RECORD.samples + 8 * at + 4);
  }
}

/**
 * Writes what the guest must write of a probe if the walker is right, byte for byte: a whole batch is then compared at once.
 * Words have as many bits as the mode; samples that are not wanted are of the spare bytes, which are zero.
 */
export function encodeExpected({ expected }: Probe, left: number, results: Buffer, offset: number): void {
  results.writeUInt32LE(expected.vector, offset + RESULT.vector);
  results.writeUInt32LE(expected.errorCode, offset + RESULT.error);
  results.writeBigUInt64LE(expected.ip, offset + RESULT.ip);
  results.writeBigUInt64LE(expected.cr2, offset + RESULT.cr2);
  results.writeBigUInt64LE(expected.value, offset + RESULT.value);
  results.writeUInt32LE(expected.codeSegment, offset + RESULT.cs);
  for (const [at, { after }] of expected.samples.entries()) {
    results.writeBigUInt64LE(after, offset + RESULT.samples + 8 * at);
  }
  results.writeUInt32LE(left, offset + RESULT.left);
}

/** Reads what the guest wrote of a probe. */
export function decodeResult(results: Buffer, offset: number): ProbeResult {
  return {
    vector: results.readUInt32LE(offset + RESULT.vector),
    errorCode: results.readUInt32LE(offset + RESULT.error),
    ip: results.readBigUInt64LE(offset + RESULT.ip),
    cr2: results.readBigUInt64LE(offset + RESULT.cr2),
    value: results.readBigUInt64LE(offset + RESULT.value),
    codeSegment: results.readUInt32LE(offset + RESULT.cs),
    samples: Array.from({ length: SAMPLES }, (_, at) => results.readBigUInt64LE(offset + RESULT.samples + 8 * at)),
    left: results.readUInt32LE(offset + RESULT.left),
  };
}
