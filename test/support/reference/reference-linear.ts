import { isUserAccess } from './reference-rights.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMode } from './reference-translation.ts';

const cr3LamU57 = 1n << 61n;
const cr3LamU48 = 1n << 62n;
const cr4Smap = 1n << 21n;
const cr4Lass = 1n << 27n;
const cr4LamSup = 1n << 28n;
const eferUaie = 1n << 20n;
const rflagsAc = 1n << 18n;
const bit63 = 1n << 63n;

/** What becomes of a linear address before any paging structure is looked at. @internal */
export interface ReferenceLinear {
  /** The address that paging translates and that #PF leaves in CR2: without a tag that the processor ignores. */
  address: bigint;
  refusal: 'non-canonical' | 'lass' | 'out-of-range' | null;
}

/**
 * What the SDM calls linear-address pre-processing (vol. 3A, the chapter before "Paging" in editions since 2024): masking (LAM),
 * canonicality, separation (LASS), in this order. UAI is AMD's masking, APM vol. 2, 5.10.
 *
 * @internal
 */
export function referenceLinear(
  machine: ReferenceMachine,
  mode: ReferenceMode,
  given: bigint,
  access: ReferenceAccess,
): ReferenceLinear {
  if (mode !== '4-level' && mode !== '5-level') {
    // Outside IA-32e mode a linear address has 32 bits.
    return { address: given, refusal: given > 0xffff_ffffn ? 'out-of-range' : null };
  }
  const address = ignoresUpperBits(machine, access)
    ? withUpperBitsIgnored(given)
    : signExtend(given, maskedFrom(machine, mode, given, access));
  const width = mode === '4-level' ? 48 : 57;
  if (BigInt.asUintN(64, BigInt.asIntN(width, address)) !== address) {
    return { address, refusal: 'non-canonical' };
  }
  return { address, refusal: violatesSeparation(machine, address, access) ? 'lass' : null };
}

/**
 * How many low bits of a pointer LAM keeps: 48 or 57, or 64 where it masks nothing. Bit 63 says whose pointer it is, whatever
 * CPL is. A user pointer is masked by CR3: LAM_U57 overrides LAM_U48, and both hold with four and with five levels; a
 * supervisor pointer by CR4.LAM_SUP, to the width of the paging mode. Fetches and the processor's own accesses to system
 * structures are not masked.
 */
function maskedFrom(machine: ReferenceMachine, mode: '4-level' | '5-level', given: bigint, access: ReferenceAccess) {
  if (access.exec || access.implicit) {
    return 64;
  }
  const { cr3, cr4 } = machine.registers;
  if ((given & bit63) !== 0n) {
    if ((cr4 & cr4LamSup) === 0n) {
      return 64;
    }
    return mode === '4-level' ? 48 : 57;
  }
  if ((cr3 & cr3LamU57) !== 0n) {
    return 57;
  }
  return (cr3 & cr3LamU48) !== 0n ? 48 : 64;
}

/** Copies the highest bit kept over the bits above it, all but bit 63, which LAM leaves alone. */
function signExtend(given: bigint, kept: number): bigint {
  if (kept === 64) {
    return given;
  }
  const low = given & ((1n << BigInt(kept)) - 1n);
  const isSet = (low >> BigInt(kept - 1)) & 1n;
  const middle = isSet === 0n ? 0n : (bit63 - 1n) & ~((1n << BigInt(kept)) - 1n);
  return (given & bit63) | middle | low;
}

/** UAI: explicit data references by DS and ES only; CS, SS, FS, GS and the descriptor tables keep the whole check. */
function ignoresUpperBits(machine: ReferenceMachine, access: ReferenceAccess): boolean {
  const enabled = (machine.registers.efer & eferUaie) !== 0n;
  return enabled && !access.exec && !access.implicit && access.segment === 'ds-es';
}

/** UAI leaves bits 63:57 out of the check; the address is what bits 56:0 say. */
function withUpperBitsIgnored(given: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(57, given));
}

/** LASS: the upper half is the supervisor's and the lower half the user's, before paging has its say. */
function violatesSeparation(machine: ReferenceMachine, address: bigint, access: ReferenceAccess): boolean {
  const { cr4, rflags } = machine.registers;
  if ((cr4 & cr4Lass) === 0n) {
    return false;
  }
  const isUpper = (address & bit63) !== 0n;
  if (isUserAccess(access)) {
    return isUpper;
  }
  if (isUpper) {
    return false;
  }
  if (access.exec) {
    return true;
  }
  // For data the lower half is closed to the supervisor only where SMAP would close it.
  return (cr4 & cr4Smap) !== 0n && (access.implicit || (rflags & rflagsAc) === 0n);
}
