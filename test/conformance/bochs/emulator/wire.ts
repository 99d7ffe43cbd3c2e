import type { BochsCase } from '../cases/bochs-case.ts';
import type { BochsMachine } from '../machine.ts';
import { caseFields, caseMsrs, commonFields, type Field } from './control-structure.ts';

/** What the ROM found out about its processor. */
export interface ProcessorWords {
  readonly maxPhyAddr: number;
  /** CPUID.7.0. */
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
  /** IA32_VMX_EPT_VPID_CAP. SDM vol. 3D, A.10. */
  readonly eptCapabilities: bigint;
}

/** What Bochs made of a case. */
export interface CaseResult {
  readonly reason: number;
  readonly qualification: bigint;
  readonly interruption: number;
  readonly errorCode: number;
  readonly guestLinear: bigint;
  readonly guestPhysical: bigint;
  readonly rax: bigint;
  /** 0; else a field that cannot be written (bit 62), or the number of VM entry's complaint (bit 63). */
  readonly problem: bigint;
  readonly changed: ReadonlyMap<number, bigint>;
}

const SECTOR = 512;
const SECTOR_QWORDS = SECTOR / 8;
/** Bochs takes a disk by its cylinders of 16 heads and 63 sectors. */
const CYLINDER = 16 * 63 * SECTOR;
const END = 0xffff_ffff_ffff_ffffn;
const MAGIC = 'PAGEWALK';
const HEADER_BYTES = 16;
const CPUID_QWORDS = 4;
const CAPABILITIES = 17;
const EPT_VPID_CAP = 0x48c - 0x480;

/** Writes cases as the ROM takes them. */
export class CaseWriter {
  readonly #machine: BochsMachine;
  readonly #standing: ReadonlyMap<number, bigint>;
  readonly #words: bigint[] = [];

  constructor(machine: BochsMachine, standing: ReadonlyMap<number, bigint>) {
    this.#machine = machine;
    this.#standing = standing;
  }

  get bytes(): number {
    return 8 * this.#words.length;
  }

  /** @param pages - what the case may write, and what is there before */
  add(drawn: BochsCase, pages: ReadonlyMap<number, bigint>): void {
    const isFirst = this.#words.length === 0;
    const machine = this.#machine;
    this.#addPairs([...(isFirst ? commonFields(machine) : []), ...caseFields(drawn, machine)]);
    this.#addPairs(caseMsrs(drawn, machine));
    this.#addPairs([
      ...(isFirst ? [...this.#standing].filter(([address]) => !drawn.memory.own.has(address)) : []),
      ...drawn.memory.own,
      ...pages,
    ]);
    this.#words.push(BigInt(drawn.registers.pkru ?? 0), drawn.kind.rax, drawn.linear);
  }

  /** @param resultsBytes - how much space the results may need */
  disk(resultsBytes: number): Buffer {
    const sectors = Math.ceil((this.#words.length + 1) / SECTOR_QWORDS);
    const bytes = (1 + sectors) * SECTOR + resultsBytes;
    const disk = Buffer.alloc(Math.ceil(bytes / CYLINDER) * CYLINDER);
    disk.writeBigUInt64LE(BigInt(sectors), 0);
    disk.writeBigUInt64LE(BigInt(1 + sectors), 8);
    [...this.#words, END].forEach((word, at) => {
      disk.writeBigUInt64LE(word, SECTOR + 8 * at);
    });
    return disk;
  }

  /** Where on the disk the results begin. */
  get resultsOffset(): number {
    return (1 + Math.ceil((this.#words.length + 1) / SECTOR_QWORDS)) * SECTOR;
  }

  #addPairs(pairs: readonly Field[]): void {
    this.#words.push(BigInt(pairs.length));
    for (const [name, value] of pairs) this.#words.push(BigInt(name), value);
  }
}

/** Reads what the ROM wrote. */
export class ResultReader {
  readonly processor: ProcessorWords;
  readonly #bytes: Buffer;
  #at = HEADER_BYTES;

  /** @throws Error where the ROM came to no end */
  constructor(bytes: Buffer) {
    const magic = bytes.toString('latin1', 0, MAGIC.length);
    const length = Number(bytes.readBigUInt64LE(8));
    if (magic !== MAGIC || length > bytes.length) throw new Error('Bochs ended without results');
    this.#bytes = bytes.subarray(0, length);
    const [addresses = 0n, ebx = 0n, ecx = 0n, edx = 0n] = this.#words(CPUID_QWORDS);
    const capabilities = this.#words(CAPABILITIES);
    this.processor = {
      maxPhyAddr: Number(addresses & 0xffn),
      ebx: Number(BigInt.asUintN(32, ebx)),
      ecx: Number(BigInt.asUintN(32, ecx)),
      edx: Number(BigInt.asUintN(32, edx)),
      eptCapabilities: capabilities[EPT_VPID_CAP] ?? 0n,
    };
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): CaseResult {
    const [reason = 0n, qualification = 0n, interruption = 0n, error = 0n, guestLinear = 0n, guestPhysical = 0n] =
      this.#words(6);
    const [rax = 0n, problem = 0n] = this.#words(2);
    const changed = new Map<number, bigint>();
    for (let address = this.#word(); address !== 0n; address = this.#word()) changed.set(Number(address), this.#word());
    return {
      reason: Number(BigInt.asUintN(32, reason)),
      qualification,
      interruption: Number(BigInt.asUintN(32, interruption)),
      errorCode: Number(BigInt.asUintN(32, error)),
      guestLinear,
      guestPhysical,
      rax,
      problem,
      changed,
    };
  }

  #words(count: number): bigint[] {
    return Array.from({ length: count }, () => this.#word());
  }

  #word(): bigint {
    const value = this.#bytes.readBigUInt64LE(this.#at);
    this.#at += 8;
    return value;
  }
}
