import { controlBits } from './reference-machine.ts';
import type { ReferenceNestedAccess, ReferenceNestedOutcome, ReferenceNpt } from './reference-nested-translation.ts';
import type {
  ReferenceAccess,
  ReferenceMachine,
  ReferenceMemory,
  ReferenceMode,
  ReferenceStep,
} from './reference-translation.ts';
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
const exitInfo = { shadowStack: 1n << 6n, final: 1n << 32n, table: 1n << 33n, shadowStackPage: 1n << 37n } as const;

/** Bits of an entry. */
const rw = 1n << 1n;
const us = 1n << 2n;
const nx = 1n << 63n;

/**
 * Walks a guest-physical address through nested tables, by APM vol. 2, 15.25 (24593, revision 3.45).
 *
 * @internal
 */
export function referenceNptWalk(
  npt: ReferenceNpt,
  memory: ReferenceMemory,
  guestPhysical: bigint,
  access: ReferenceNestedAccess,
): ReferenceNestedOutcome {
  const machine = nestedMachine(npt.host);
  const isBeyond = guestPhysical >> BigInt(widths[referenceMode(machine)]) !== 0n;
  if (isBeyond) {
    // No entry can map it. Nothing is present there, and no entry is to blame.
    const exitInfo1 = exitInfoOf(npt, 0n, access, []);
    return { kind: 'refused', cause: 'not-present', steps: [], responsible: null, exitInfo1, exitQualification: null };
  }
  // What the entries allow is judged here: an access that they cannot refuse finds them.
  const translation = referenceWalk(machine, memory, guestPhysical, unrefused);
  const { steps } = translation;
  if (translation.kind === 'fault') {
    const { cause, responsible, errorCode } = translation;
    if (cause === 'non-canonical' || cause === 'out-of-range' || cause === 'lass' || cause === 'privilege-violation') {
      throw new Error(`a guest-physical address that is only looked up cannot be ${cause}`);
    }
    const exitInfo1 = errorCode === null ? null : exitInfoOf(npt, BigInt(errorCode), access, []);
    return { kind: 'refused', cause, steps, responsible, exitInfo1, exitQualification: null };
  }
  const refusing = refusingEntry(npt, machine, access, steps);
  if (refusing !== null) {
    const responsible = { level: refusing.level, address: refusing.address };
    const exitInfo1 = exitInfoOf(npt, 1n, access, steps);
    return { kind: 'refused', cause: 'privilege-violation', steps, responsible, exitInfo1, exitQualification: null };
  }
  const { physicalAddress: l1PhysicalAddress, pageSizeBytes } = translation;
  return { kind: 'mapped', steps, l1PhysicalAddress, pageSizeBytes };
}

/** A supervisor's read, which without protection keys no entry refuses. */
const unrefused: ReferenceAccess = {
  user: false,
  write: false,
  exec: false,
  implicit: false,
  shadowStack: false,
  segment: 'ds-es',
};

/** The entry that keeps an access from the page; null when all let it through. */
function refusingEntry(
  npt: ReferenceNpt,
  machine: ReferenceMachine,
  access: ReferenceNestedAccess,
  steps: readonly ReferenceStep[],
): ReferenceStep | null {
  // A PDPTE of PAE says nothing of rights.
  const isPae = referenceMode(machine) === 'pae';
  const judging = steps.filter(({ level }) => !(isPae && level === 3));
  const leaf = judging.at(-1);
  if (leaf === undefined) {
    return null;
  }
  if (checksShadowStacks(npt) && access.shadowStack === 'supervisor') {
    // 15.25.14: R/W=1 in all entries that lead to the last; its own R/W forbids no write to such a stack.
    const readOnly = judging.slice(0, -1).find(({ value }) => (value & rw) === 0n);
    return readOnly ?? (isShadowStackPage(leaf) ? null : leaf);
  }
  const gmet = npt.gmet ?? false;
  const lacking = judging.find(
    ({ value }) =>
      // 15.25.7: U/S=1 for any access; 15.25.13: the trap has another use for that bit, and U/S=0 refuses no access.
      (!gmet && (value & us) === 0n) ||
      (isWrite(access) && (value & rw) === 0n) ||
      (isFetch(access) && (value & nx) !== 0n),
  );
  if (lacking !== undefined) {
    return lacking;
  }
  // Table 15-21: code at CPL 0 to 2 is not to be executed where the effective U/S is 1, and no entry alone makes it 1.
  const isTrapped = gmet && isFetch(access) && !access.user && judging.every(({ value }) => (value & us) !== 0n);
  return isTrapped ? leaf : null;
}

/** 15.25.5: the accesses of a guest's table walk are writes, since they may set A and D. */
function isWrite(access: ReferenceNestedAccess): boolean {
  return access.purpose === 'table' || access.write;
}

function isFetch(access: ReferenceNestedAccess): boolean {
  return access.purpose === 'final' && access.exec;
}

/** 15.25.14: without PAE, or with EFER.NXE=0, the VMCB's bit is ignored. */
function checksShadowStacks({ sss = false, host: { registers } }: ReferenceNpt): boolean {
  return sss && (registers.cr4 & controlBits.cr4.pae) !== 0n && (registers.efer & controlBits.efer.nxe) !== 0n;
}

function isShadowStackPage({ value }: ReferenceStep): boolean {
  return (value & nx) !== 0n && (value & us) === 0n;
}

/** Keys, shadow stacks and what is done to linear addresses belong to the host's own accesses, not to those of its guests. */
function nestedMachine(host: ReferenceMachine): ReferenceMachine {
  const { pae, pse, la57 } = controlBits.cr4;
  const { a20: _, pdptes: _latched, ...registers } = host.registers;
  return {
    registers: { ...registers, cr4: host.registers.cr4 & (pae | pse | la57), pkru: 0, pkrs: 0 },
    processor: { ...host.processor, vendor: 'amd' },
  };
}

/**
 * @param found - P and RSV: what the walk came to
 * @param steps - the entries, where they lead to a page
 */
function exitInfoOf(
  npt: ReferenceNpt,
  found: bigint,
  access: ReferenceNestedAccess,
  steps: readonly ReferenceStep[],
): bigint {
  const { registers } = npt.host;
  const { pae, smep } = controlBits.cr4;
  // Bit 4 as 8.4.2 has it: the host's NXE, with PAE, or its CR4.SMEP.
  const reportsFetch =
    (registers.cr4 & smep) !== 0n || ((registers.cr4 & pae) !== 0n && (registers.efer & controlBits.efer.nxe) !== 0n);
  // 15.25.5: all nested accesses are a user's. With the guest mode execute trap the guest's own tell its CPL (15.25.13, note 1).
  const isUser = !npt.gmet || access.purpose === 'table' || access.user;
  const leaf = steps.at(-1);
  return [
    found & 0x9n,
    isWrite(access) ? 0x2n : 0n,
    isUser ? 0x4n : 0n,
    isFetch(access) && reportsFetch ? 0x10n : 0n,
    access.shadowStack === null ? 0n : exitInfo.shadowStack,
    access.purpose === 'table' ? exitInfo.table : exitInfo.final,
    checksShadowStacks(npt) && leaf !== undefined && isShadowStackPage(leaf) ? exitInfo.shadowStackPage : 0n,
  ].reduce((bits, bit) => bits | bit);
}
