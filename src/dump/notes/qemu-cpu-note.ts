import { DumpFormatError } from '../errors.ts';
import { Fields } from '../file/fields.ts';

/** A segment register with what it has loaded. @internal */
export interface NoteSegment {
  readonly selector: number;
  /** The second word of the descriptor: DPL in bits 13 to 14, L in bit 21. */
  readonly flags: number;
  readonly base: bigint;
}

/** QEMU's note about one vCPU, as far as address translation needs it. @internal */
export interface QemuCpuNote {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rflags: bigint;
  readonly cs: NoteSegment;
  readonly ss: NoteSegment;
  readonly tr: NoteSegment;
  readonly gdt: NoteSegment;
  readonly idt: NoteSegment;
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
}

/**
 * QEMUCPUState (target/i386/arch_dump.c, 1.3 to 10): the same for 32-bit guests.
 *
 * ```
 * 0 version, size │ 8 rax … r15, rip, rflags │ 152 cs ds es fs gs ss ldt tr gdt idt │ 392 cr0 … cr4 │ 432 kernel_gs_base
 * ```
 */
const VERSION = 1;
const LEAST_BYTES = 432;
const REGISTERS = { rsp: 6, rip: 16, rflags: 17 };
const SEGMENTS_AT = 152;
const SEGMENT_BYTES = 24;
const SEGMENTS = { cs: 0, ss: 5, tr: 7, gdt: 8, idt: 9 };
const CONTROL_AT = 392;

/** @throws DumpFormatError `ERR_DUMP_FORMAT` for a note of another version, or too short a one. @internal */
export function decodeQemuCpuNote(description: Uint8Array, file: string): QemuCpuNote {
  const fields = new Fields(description);
  if (description.length < LEAST_BYTES || fields.u32(0) !== VERSION) {
    throw new DumpFormatError(
      file,
      `QEMU's note about a vCPU has ${description.length} bytes, and is not of version ${VERSION}`,
    );
  }
  const register = (index: number): bigint => fields.u64(8 + 8 * index);
  const control = (index: number): bigint => fields.u64(CONTROL_AT + 8 * index);
  const segment = (index: number): NoteSegment => {
    const at = SEGMENTS_AT + SEGMENT_BYTES * index;
    return { selector: fields.u32(at), flags: fields.u32(at + 8), base: fields.u64(at + 16) };
  };
  return {
    rip: register(REGISTERS.rip),
    rsp: register(REGISTERS.rsp),
    rflags: register(REGISTERS.rflags),
    cs: segment(SEGMENTS.cs),
    ss: segment(SEGMENTS.ss),
    tr: segment(SEGMENTS.tr),
    gdt: segment(SEGMENTS.gdt),
    idt: segment(SEGMENTS.idt),
    cr0: control(0),
    cr2: control(2),
    cr3: control(3),
    cr4: control(4),
  };
}
