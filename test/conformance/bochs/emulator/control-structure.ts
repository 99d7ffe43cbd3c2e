import type { BochsCase } from '../cases/bochs-case.ts';
import { CODE_SEGMENT, DATA_SEGMENT, HOST_TSS, TASK_SEGMENT } from '../layout.ts';
import { type BochsMachine, hasFeature, isLong } from '../machine.ts';

/** A field of the VMCS by its encoding (SDM vol. 3D, appendix B), and what is written to it. */
export type Field = readonly [encoding: number, value: bigint];

const ALL = 0xffff_ffffn;
const HOST_GDT = 0xf_0000n;
/** Secondary controls. SDM vol. 3C, table 25-7. */
const ENABLE_EPT = 1n << 1n;
const UNRESTRICTED = 1n << 7n;
const MODE_BASED_EXECUTE = 1n << 22n;
const SHADOW_STACK_CONTROLS = 3n;

/** What every case of a machine has: no interrupts, every exception exits, the state of the host. */
export function commonFields(machine: BochsMachine): readonly Field[] {
  const cet = hasFeature(machine, 'cet');
  const pin = 0x16n;
  const primary = 0x0400_6172n | (1n << 31n);
  // The host is 64-bit, and EFER is saved and loaded; with CET its state is too.
  const exit = 0x3_6dfbn | (1n << 9n) | (1n << 20n) | (1n << 21n) | (cet ? 1n << 28n : 0n);
  const entry = 0x11fbn | (isLong(machine) ? 1n << 9n : 0n) | (1n << 15n) | (cet ? 1n << 20n : 0n);
  const controls: Field[] = [
    [0x4000, pin],
    [0x4002, primary],
    [0x4004, ALL], // the exception bitmap
    [0x4006, 0n],
    [0x4008, 0n],
    [0x400a, 0n],
    [0x400c, exit],
    [0x400e, 0n],
    [0x4010, 0n],
    [0x4012, entry],
    [0x4014, 0n],
    [0x4016, 0n],
    [0x2800, 0xffff_ffff_ffff_ffffn], // the link pointer
    [0x6000, 0n],
    [0x6002, 0n],
    [0x6004, 0n],
    [0x6006, 0n],
  ];
  return [...controls, ...hostFields(cet), ...guestFields(machine)];
}

function hostFields(cet: boolean): Field[] {
  const data = BigInt(DATA_SEGMENT);
  const tss = BigInt(HOST_TSS);
  return [
    [0x0c00, data],
    [0x0c02, BigInt(CODE_SEGMENT)],
    [0x0c04, data],
    [0x0c06, data],
    [0x0c08, data],
    [0x0c0a, data],
    [0x0c0c, BigInt(TASK_SEGMENT)],
    [0x2c02, 0xd00n], // EFER: LME, LMA, NXE
    [0x4c00, 0n],
    [0x6c06, 0n],
    [0x6c08, 0n],
    [0x6c0a, tss],
    [0x6c0c, HOST_GDT],
    [0x6c0e, HOST_GDT],
    [0x6c10, 0n],
    [0x6c12, 0n],
    ...(cet ? ([0x6c18, 0x6c1a, 0x6c1c] as const).map((field): Field => [field, 0n]) : []),
  ];
}

/** Segments that are not used are unusable; those that are used have base 0 and all of the address space. */
function guestFields(machine: BochsMachine): Field[] {
  const unusable = 0x1_0000n;
  const none: Field[] = [0x4814, 0x481a, 0x481c, 0x481e].map((field) => [field, unusable]);
  const zeros: Field[] = [
    0x0800, 0x0806, 0x0808, 0x080a, 0x080c, 0x4824, 0x4826, 0x482a, 0x6806, 0x6808, 0x680a, 0x680c, 0x680e, 0x6810,
    0x6816, 0x6818, 0x6822, 0x6824, 0x6826, 0x2802,
  ].map((field) => [field, 0n]);
  const limits: Field[] = [0x4800, 0x4802, 0x4804, 0x4806, 0x4808, 0x480a].map((field) => [field, ALL]);
  return [
    ...none,
    ...zeros,
    ...limits,
    [0x080e, BigInt(TASK_SEGMENT)],
    [0x480e, 0x67n],
    [0x4810, 0xffffn],
    [0x4812, 0xffffn],
    [0x4822, 0x8bn],
    [0x6814, BigInt(HOST_TSS)],
    [0x681a, 0x400n], // DR7
    ...(isLong(machine)
      ? []
      : ([
          [0x0806, BigInt(DATA_SEGMENT | 3)], // DS
          [0x481a, 0xc0f3n],
        ] as const)),
  ];
}

/** What a case has of its own. */
export function caseFields(drawn: BochsCase, machine: BochsMachine): readonly Field[] {
  const { kind, registers, ept, linear } = drawn;
  const privilege = kind.user ? 3n : 0n;
  const code = isLong(machine) ? 0xa09bn : 0xc09bn;
  const secondary =
    (ept ? ENABLE_EPT : 0n) |
    (machine.mode === 'off' ? UNRESTRICTED : 0n) |
    (ept?.modeBasedExecute ? MODE_BASED_EXECUTE : 0n);
  const pdptes = (ept && registers.pdptes) ?? [];
  return [
    [0x401e, secondary],
    ...(ept ? [[0x201a, ept.pointer] as const] : []),
    [0x0802, BigInt(CODE_SEGMENT) | privilege],
    [0x0804, BigInt(DATA_SEGMENT) | privilege],
    [0x4816, code | (privilege << 5n)],
    [0x4818, 0xc093n | (privilege << 5n)],
    ...pdptes.map((value, index): Field => [0x280a + 2 * index, value]),
    [0x2806, registers.efer],
    [0x6800, registers.cr0],
    [0x6802, registers.cr3],
    [0x6804, registers.cr4],
    [0x681c, kind.does === 'stack' ? linear : 0n],
    [0x681e, drawn.code],
    [0x6820, registers.rflags ?? 0n],
    ...localDescriptors(drawn),
    ...(hasFeature(machine, 'cet') ? shadowStack(drawn) : []),
  ];
}

/** An LDT that begins at the address, for what the processor reads there by itself; else none. */
function localDescriptors({ kind, linear }: BochsCase): readonly Field[] {
  const isUsed = kind.does === 'implicit';
  return [
    [0x4820, isUsed ? 0x82n : 0x1_0000n],
    [0x480c, isUsed ? 0xffffn : 0n],
    [0x6812, isUsed ? linear : 0n],
  ];
}

function shadowStack({ kind, linear }: BochsCase): readonly Field[] {
  const supervisors = kind.access.shadowStack && !kind.user ? SHADOW_STACK_CONTROLS : 0n;
  return [
    [0x6828, supervisors],
    [0x682a, kind.does === 'incssp' ? linear : 0n],
    [0x682c, 0n],
  ];
}

/** MSRs that no VM entry loads: IA32_U_CET and IA32_PKRS. */
export function caseMsrs({ kind, registers }: BochsCase, machine: BochsMachine): readonly Field[] {
  return [
    ...(hasFeature(machine, 'cet') ? [[0x6a0, kind.access.shadowStack ? SHADOW_STACK_CONTROLS : 0n] as const] : []),
    ...(hasFeature(machine, 'keys') ? [[0x6e1, BigInt(registers.pkrs ?? 0)] as const] : []),
  ];
}
