import { controlBits } from './reference-machine.ts';
import type { ReferenceNestedAccess, ReferenceNestedOutcome, ReferenceNpt } from './reference-nested-translation.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMemory, ReferenceMode } from './reference-translation.ts';
import { referenceMode, referenceWalk } from './reference-walker.ts';

/** How many bits of an address each format of table looks up: above them there is nothing. */
const widths: Readonly<Record<ReferenceMode, number>> = {
  // VMRUN refuses a host without paging. Here it is a mode whose addresses have 32 bits.
  off: 32,
  '32-bit': 32,
  pae: 32,
  '4-level': 48,
  '5-level': 57,
};

/** EXITINFO1 of #VMEXIT(NPF), APM vol. 2, 15.25.6: bits 4:0 as of #PF. */
const exitInfo = { shadowStack: 1n << 6n, final: 1n << 32n, table: 1n << 33n } as const;

/**
 * Walks a guest-physical address through nested tables, by APM vol. 2, 15.25.
 *
 * @internal
 */
export function referenceNptWalk(
  npt: ReferenceNpt,
  memory: ReferenceMemory,
  guestPhysical: bigint,
  access: ReferenceNestedAccess,
): ReferenceNestedOutcome {
  const gmet = npt.gmet ?? false;
  const machine = nestedMachine(npt.host);
  const isBeyond = guestPhysical >> BigInt(widths[referenceMode(machine)]) !== 0n;
  if (isBeyond) {
    // No entry can map it. Nothing is present there, and no entry is to blame.
    const exitInfo1 = exitInfoOf(accessBits(machine, access, gmet), access);
    return { kind: 'refused', cause: 'not-present', steps: [], responsible: null, exitInfo1, exitQualification: null };
  }
  const translation = referenceWalk(judging(machine, gmet), memory, guestPhysical, asNested(access, gmet));
  const { steps } = translation;
  if (translation.kind === 'mapped') {
    const { physicalAddress: hostPhysicalAddress, pageSize } = translation;
    return { kind: 'mapped', steps, hostPhysicalAddress, pageSize };
  }
  const { cause, responsible, errorCode } = translation;
  if (cause === 'non-canonical' || cause === 'out-of-range' || cause === 'lass') {
    throw new Error(`a guest-physical address is no linear address, and cannot be ${cause}`);
  }
  // Whether a fetch is reported is the host's CR4.SMEP's business, and GMET's is whether it is refused.
  const whatHappened = errorCode === null ? null : BigInt(errorCode) & ~0x10n;
  const exitInfo1 = whatHappened === null ? null : exitInfoOf(whatHappened | accessBits(machine, access, gmet), access);
  return { kind: 'refused', cause, steps, responsible, exitInfo1, exitQualification: null };
}

/**
 * 15.25.5: all nested accesses are user accesses, and the accesses of a guest's table walk are writes, since they may set A
 * and D. A shadow stack of the guest is data like any other to the tables below. The guest mode execute trap tells the guest's own
 * accesses at CPL 0 to 2 from those at CPL 3.
 */
function asNested(access: ReferenceNestedAccess, gmet: boolean): ReferenceAccess {
  const isTable = access.purpose === 'table';
  return {
    user: isTable || !gmet || access.user,
    write: isTable || access.write,
    exec: !isTable && access.exec,
    implicit: false,
    shadowStack: false,
    segment: 'ds-es',
  };
}

/** The guest mode execute trap does what SMEP does in ordinary tables. The host's CR0.WP lets no guest write (15.25.5). */
function judging(machine: ReferenceMachine, gmet: boolean): ReferenceMachine {
  const { registers } = machine;
  const { smep } = controlBits.cr4;
  const cr4 = gmet ? registers.cr4 | smep : registers.cr4 & ~smep;
  return { ...machine, registers: { ...registers, cr0: registers.cr0 | controlBits.cr0.wp, cr4 } };
}

/** Keys, shadow stacks and what is done to linear addresses belong to the host's own accesses, not to those of its guests. */
function nestedMachine(host: ReferenceMachine): ReferenceMachine {
  const { pae, pse, la57, smep } = controlBits.cr4;
  const { a20: _, pdptes: _latched, ...registers } = host.registers;
  return {
    registers: { ...registers, cr4: host.registers.cr4 & (pae | pse | la57 | smep), pkru: 0, pkrs: 0 },
    processor: { ...host.processor, vendor: 'amd' },
  };
}

/** The part of a page fault's error code that says what kind of access it was (15.25.6, and 8.4.2 for bit 4). */
function accessBits(machine: ReferenceMachine, access: ReferenceNestedAccess, gmet: boolean): bigint {
  const { user, write, exec } = asNested(access, gmet);
  const { cr4, efer } = machine.registers;
  const nxe = (efer & controlBits.efer.nxe) !== 0n && (cr4 & controlBits.cr4.pae) !== 0n;
  const smep = (cr4 & controlBits.cr4.smep) !== 0n;
  return (user ? 0x4n : 0n) | (write ? 0x2n : 0n) | (exec && (nxe || smep) ? 0x10n : 0n);
}

function exitInfoOf(errorCode: bigint, access: ReferenceNestedAccess): bigint {
  const where = access.purpose === 'table' ? exitInfo.table : exitInfo.final;
  return errorCode | where | (access.shadowStack === null ? 0n : exitInfo.shadowStack);
}
