import type { Access } from '../../../../src/paging/index.ts';
import { CODE_SUPERVISOR, CODE_USER, STORED } from '../layout.ts';
import { type BochsMachine, hasFeature, isLong } from '../machine.ts';

/** What a case's instruction does. `implicit` loads a segment register from an LDT that begins at the address. */
export type CaseDoing = 'load' | 'store' | 'modify' | 'fetch' | 'stack' | 'implicit' | 'wrss' | 'wruss' | 'incssp';

/** A kind of case: an instruction and who executes it. */
export interface CaseKind {
  readonly name: string;
  readonly does: CaseDoing;
  readonly user: boolean;
  readonly access: Access;
  /** RAX before. */
  readonly rax: bigint;
  /** Where its code is, apart from the half of the address space. */
  readonly code: number;
  readonly bytes: readonly number[];
}

interface Instruction {
  readonly does: CaseDoing;
  /** In 64-bit code: without the prefix REX.W it is the same in 32-bit code. */
  readonly bytes: readonly number[];
  readonly access: Omit<Access, 'user'>;
  readonly rax?: bigint;
}

const REX_W = 0x48;
const INT3 = 0xcc;
const CODE_BYTES = 16;
/** The first descriptor of the LDT. */
const SELECTOR = 4n;

const READ = { write: false, exec: false };
const WRITE = { write: true, exec: false };

const instructions: readonly Instruction[] = [
  // mov rax, [rdi]; mov [rdi], rax; add [rdi], rax; jmp rdi; mov rax, [rsp]; mov fs, eax
  { does: 'load', bytes: [REX_W, 0x8b, 0x07], access: READ },
  { does: 'store', bytes: [REX_W, 0x89, 0x07], access: WRITE },
  { does: 'modify', bytes: [REX_W, 0x01, 0x07], access: WRITE },
  { does: 'fetch', bytes: [0xff, 0xe7], access: { write: false, exec: true } },
  { does: 'stack', bytes: [REX_W, 0x8b, 0x04, 0x24], access: { ...READ, segment: 'ss' } },
  { does: 'implicit', bytes: [0x8e, 0xe0], access: { ...READ, implicit: true }, rax: SELECTOR },
  // wrss [rdi], rax; wruss [rdi], rax; incssp rax
  { does: 'wrss', bytes: [REX_W, 0x0f, 0x38, 0xf6, 0x07], access: { ...WRITE, shadowStack: true } },
  { does: 'wruss', bytes: [0x66, REX_W, 0x0f, 0x38, 0xf5, 0x07], access: { ...WRITE, shadowStack: true } },
  { does: 'incssp', bytes: [0xf3, REX_W, 0x0f, 0xae, 0xe8], access: { ...READ, shadowStack: true }, rax: 1n },
];

/** The kinds that a machine can execute. */
export function kindsOf(machine: BochsMachine): readonly CaseKind[] {
  return instructions.flatMap((instruction, number) => {
    if (instruction.access.shadowStack && !hasFeature(machine, 'cet')) return [];
    const callers = instruction.does === 'wruss' ? [false] : [false, true];
    return callers.map((user) => kindOf(instruction, number, user, isLong(machine)));
  });
}

function kindOf(instruction: Instruction, number: number, user: boolean, is64Bit: boolean): CaseKind {
  const { does, bytes, access, rax = STORED } = instruction;
  // wruss is the supervisor's, and writes as a user does; an implicit access is the supervisor's in every mode.
  const byUser = does === 'wruss' || (user && does !== 'implicit');
  return {
    name: `${user ? 'user' : 'supervisor'} ${does}`,
    does,
    user,
    access: { ...access, user: byUser },
    rax: is64Bit ? rax : BigInt.asUintN(32, rax),
    code: (user ? CODE_USER : CODE_SUPERVISOR) + number * CODE_BYTES,
    bytes: [...(is64Bit ? bytes : bytes.filter((byte) => byte !== REX_W)), INT3],
  };
}
