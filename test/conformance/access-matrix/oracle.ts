import { FLAG } from './flags.ts';

/** What must come of a case. One object serves all cases, one after the other. @internal */
export interface MatrixExpectation {
  /** Null where the access goes through. */
  errorCode: number | null;
  pteAccessed: boolean;
  pteDirty: boolean;
  pdeAccessed: boolean;
  pdeDirty: boolean;
  /** The manual leaves open whether PDE.A is set: the access failed and the bit was clear before. */
  pdeAccessedOpen: boolean;
}

const present = 0x1;
const write = 0x2;
const user = 0x4;
const reserved = 0x8;
const fetch = 0x10;
const protectionKey = 0x20;

/**
 * The access model of kvm-unit-tests' access.c, from its rules as described, without a look at any walker: an
 * expected #PF code and accessed and dirty bits for each case. Numbers only, as it is asked tens of millions of times.
 *
 * @internal
 */
export class MatrixOracle {
  readonly expectation: MatrixExpectation = {
    errorCode: null,
    pteAccessed: false,
    pteDirty: false,
    pdeAccessed: false,
    pdeDirty: false,
    pdeAccessedOpen: false,
  };

  /** The expectation of one case; valid until the next call. */
  expect(flags: number): MatrixExpectation {
    const { expectation } = this;
    expectation.pteAccessed = (flags & FLAG.pteAccessed) !== 0;
    expectation.pteDirty = (flags & FLAG.pteDirty) !== 0;
    expectation.pdeAccessed = (flags & FLAG.pdeAccessed) !== 0;
    expectation.pdeDirty = (flags & FLAG.pdeDirty) !== 0;
    expectation.pdeAccessedOpen = false;
    if ((flags & FLAG.accessTwice) !== 0) {
      // What the first access leaves behind counts; whether it failed does not.
      this.#access(flags & ~(FLAG.accessWrite | FLAG.accessFetch | FLAG.accessUser));
    }
    this.#access(flags);
    return expectation;
  }

  #access(flags: number): void {
    const { expectation } = this;
    const isLargePage = (flags & FLAG.pdePageSize) !== 0;
    const code = this.#errorCode(flags);
    expectation.errorCode = code;
    if (code !== null) {
      // Intel leaves open when A is set above a failing leaf, AMD lets it be set speculatively (SDM 4.8, APM 5.4.2).
      expectation.pdeAccessedOpen ||= !expectation.pdeAccessed && isValidPde(flags);
      return;
    }
    expectation.pdeAccessed = true;
    expectation.pdeAccessedOpen = false;
    const isWrite = (flags & FLAG.accessWrite) !== 0;
    if (isLargePage) {
      expectation.pdeDirty ||= isWrite;
    } else {
      expectation.pteAccessed = true;
      expectation.pteDirty ||= isWrite;
    }
  }

  #errorCode(flags: number): number | null {
    const fault = entryFault(flags, isPresentPde(flags), isValidPde(flags)) ?? this.#lowerFault(flags);
    if (fault === null) {
      return null;
    }
    // SDM 4.7: I/D is reported only with SMEP or with execute-disable.
    const reportsFetch = (flags & (FLAG.cpuNxe | FLAG.cpuSmep)) !== 0;
    return reportsFetch ? fault : fault & ~fetch;
  }

  #lowerFault(flags: number): number | null {
    if ((flags & FLAG.pdePageSize) !== 0) {
      return rightsFault(flags);
    }
    return entryFault(flags, isPresentPte(flags), isValidPte(flags)) ?? rightsFault(flags);
  }
}

function accessBits(flags: number): number {
  return (
    ((flags & FLAG.accessWrite) !== 0 ? write : 0) |
    ((flags & FLAG.accessUser) !== 0 ? user : 0) |
    ((flags & FLAG.accessFetch) !== 0 ? fetch : 0)
  );
}

function entryFault(flags: number, isPresent: boolean, isValid: boolean): number | null {
  if (!isPresent) {
    return accessBits(flags);
  }
  return isValid ? null : accessBits(flags) | present | reserved;
}

function isPresentPde(flags: number): boolean {
  return (flags & FLAG.pdePresent) !== 0;
}

function isPresentPte(flags: number): boolean {
  return (flags & FLAG.ptePresent) !== 0;
}

function isValidPde(flags: number): boolean {
  const forbiddenXd = (flags & FLAG.pdeNoExecute) !== 0 && (flags & FLAG.cpuNxe) === 0;
  return isPresentPde(flags) && (flags & (FLAG.pdeBit13 | FLAG.pdeBit36 | FLAG.pdeBit51)) === 0 && !forbiddenXd;
}

function isValidPte(flags: number): boolean {
  const forbiddenXd = (flags & FLAG.pteNoExecute) !== 0 && (flags & FLAG.cpuNxe) === 0;
  return isPresentPte(flags) && (flags & (FLAG.pteBit36 | FLAG.pteBit51)) === 0 && !forbiddenXd;
}

/** All conditions are judged, and what they add to the code accumulates. */
function rightsFault(flags: number): number | null {
  const isLargePage = (flags & FLAG.pdePageSize) !== 0;
  const writable =
    (flags & FLAG.pdpteReadOnly) === 0 &&
    (flags & FLAG.pdeWritable) !== 0 &&
    (isLargePage || (flags & FLAG.pteWritable) !== 0);
  const userPage = (flags & FLAG.pdeUser) !== 0 && (isLargePage || (flags & FLAG.pteUser) !== 0);
  const executable = (flags & FLAG.pdeNoExecute) === 0 && (isLargePage || (flags & FLAG.pteNoExecute) === 0);

  const isUser = (flags & FLAG.accessUser) !== 0;
  const isWrite = (flags & FLAG.accessWrite) !== 0;
  const isFetch = (flags & FLAG.accessFetch) !== 0;
  const obeysWriteProtection = isUser || (flags & FLAG.cpuWriteProtect) !== 0;

  const keyDenied =
    userPage &&
    !isFetch &&
    (flags & FLAG.leafKey) !== 0 &&
    (flags & FLAG.cpuPke) !== 0 &&
    ((flags & FLAG.pkruAccessDisable) !== 0 ||
      ((flags & FLAG.pkruWriteDisable) !== 0 && isWrite && obeysWriteProtection));
  const denied =
    (isUser && !userPage) ||
    (isWrite && !writable && obeysWriteProtection) ||
    (isFetch && !executable) ||
    (isFetch && !isUser && userPage && (flags & FLAG.cpuSmep) !== 0);
  if (!denied && !keyDenied) {
    return null;
  }
  return accessBits(flags) | present | (keyDenied ? protectionKey : 0);
}
