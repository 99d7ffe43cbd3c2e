import {
  ACCESS_EXEC,
  ACCESS_IMPLICIT,
  ACCESS_USER,
  ACCESS_VIA_OTHER,
  ACCESS_VIA_SS,
  CR3_LAM_U48,
  CR3_LAM_U57,
  CR4_LAM_SUP,
  CR4_LASS,
  EFER_UAIE,
} from './architecture.ts';
import type { ModeRow } from './modes.ts';
import type { Profile } from './profiles.ts';
import type { PagingRegisters } from './registers.ts';
import type { Policy } from './rights.ts';

/** What happens to a linear address before it is looked up: everything above the bits that index tables. @internal */
export interface LinearAddressRules {
  readonly linearBits: 32 | 48 | 57;
  readonly checksCanonical: boolean;
  /** Addresses are not sign-extended: bits above `linearBits` must be 0. */
  readonly isUnsigned: boolean;
  /** Long mode, and code that has 32-bit addresses. */
  readonly isCompatibility: boolean;
  /** Anything below takes tags off; lets the common case skip it. */
  readonly takesTags: boolean;
  /** The bit that LAM extends over the tag of a user pointer (bit 63 = 0): 56 or 47; 63 where LAM is off. SDM vol. 3A, 4.4. */
  readonly userTagBelow: 47 | 56 | 63;
  /** The same for supervisor pointers. */
  readonly supervisorTagBelow: 47 | 56 | 63;
  /** AMD's upper address ignore is on. */
  readonly ignoresUpper: boolean;
  /** Linear address-space separation is on: bit 63 must match the mode of the access. SDM vol. 3A, 4.2.2. */
  readonly separates: boolean;
}

/** @internal */
export function compileLinearAddressRules(
  row: ModeRow | null,
  registers: PagingRegisters,
  profile: Profile,
): LinearAddressRules {
  const linearBits = row?.linearBits ?? 32;
  const { cr3, cr4, efer, csL = true } = registers;
  const long = linearBits > 32;
  const lam = long && profile.lam;
  const userTagBelow = !lam ? 63 : cr3 & CR3_LAM_U57 ? 56 : cr3 & CR3_LAM_U48 ? 47 : 63;
  const supervisorTagBelow = !lam || !(cr4 & CR4_LAM_SUP) ? 63 : linearBits === 57 ? 56 : 47;
  const ignoresUpper = long && profile.uai && (efer & EFER_UAIE) !== 0n;
  return {
    linearBits,
    checksCanonical: profile.checksCanonical,
    isUnsigned: !long,
    isCompatibility: long && !csL,
    takesTags: ignoresUpper || userTagBelow !== 63 || supervisorTagBelow !== 63,
    userTagBelow,
    supervisorTagBelow,
    ignoresUpper,
    separates: long && profile.lass && (cr4 & CR4_LASS) !== 0n,
  };
}

/** The high half with its bit `bit` (counted in the address) copied into all above. */
function signExtend(high: number, bit: number): number {
  return (high << (63 - bit)) >> (63 - bit);
}

/**
 * Takes the tag off a pointer. LAM (data accesses that are not the processor's own) keeps bit 63 and fills the tag with the
 * highest bit below it; UAI (data relative to DS or ES) fills bit 63 too. What then is not canonical still faults.
 *
 * @returns the high half of the address that is walked
 * @internal
 */
export function untagHigh(rules: LinearAddressRules, high: number, access: number): number {
  if (access & (ACCESS_EXEC | ACCESS_IMPLICIT)) return high;
  if (rules.ignoresUpper) return access & (ACCESS_VIA_SS | ACCESS_VIA_OTHER) ? high : signExtend(high, 56);
  const bit63 = high & 0x8000_0000;
  const tagBelow = bit63 ? rules.supervisorTagBelow : rules.userTagBelow;
  return (signExtend(high, tagBelow) & 0x7fff_ffff) | bit63;
}

/** Bits above the width of a linear address must repeat its highest bit. SDM vol. 1, 3.3.7.1. @internal */
export function isCanonical(rules: LinearAddressRules, high: number): boolean {
  const top = high >> (rules.linearBits - 33);
  return !rules.checksCanonical || top === 0 || top === -1;
}

/** Whether an unsigned address has no bit above its width. @internal */
export function isInRange(rules: LinearAddressRules, high: number): boolean {
  return rules.linearBits === 32 ? high === 0 : high >>> (rules.linearBits - 32) === 0;
}

/** LASS: users stay in the lower half; supervisors fetch from the upper, and reach the lower only where SMAP lets them. @internal */
export function violatesSeparation(rules: LinearAddressRules, policy: Policy, high: number, access: number): boolean {
  if (!rules.separates) return false;
  const upperHalf = high < 0;
  if (access & ACCESS_USER) return upperHalf;
  if (upperHalf) return false;
  if (access & ACCESS_EXEC) return true;
  return policy.smap && (!policy.alignmentCheck || (access & ACCESS_IMPLICIT) !== 0);
}
