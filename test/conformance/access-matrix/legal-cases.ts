import { FLAG } from './flags.ts';

/** Which flags are worth drawing on a processor. @internal */
export interface MatrixDimensions {
  maxPhyAddr: number;
  /** Whether the processor has protection keys. */
  protectionKeys: boolean;
  /** SMEP doubles the matrix; access.c leaves it to a test of its own, and the published counts are without it. */
  smep: boolean;
}

/** A share of the matrix: every `parts`-th combination of registers and entries, from number `part` on. @internal */
export interface MatrixShare {
  part: number;
  parts: number;
}

const everything: MatrixShare = { part: 0, parts: 1 };

const alwaysDrawn = {
  cpu: [FLAG.cpuNxe, FLAG.cpuWriteProtect],
  pde: [
    FLAG.pdePresent,
    FLAG.pdeWritable,
    FLAG.pdeUser,
    FLAG.pdeAccessed,
    FLAG.pdeDirty,
    FLAG.pdePageSize,
    FLAG.pdeNoExecute,
    FLAG.pdeBit13,
  ],
  pte: [FLAG.ptePresent, FLAG.pteWritable, FLAG.pteUser, FLAG.pteAccessed, FLAG.pteDirty, FLAG.pteNoExecute],
  access: [FLAG.pdpteReadOnly, FLAG.accessUser, FLAG.accessWrite, FLAG.accessFetch, FLAG.accessTwice],
} as const;

/** Reserved whenever they are drawn; XD is too, with EFER.NXE=0. */
const reservedFlags = [FLAG.pdeBit13, FLAG.pdeBit36, FLAG.pdeBit51, FLAG.pteBit36, FLAG.pteBit51] as const;
const executeDisableFlags = [FLAG.pdeNoExecute, FLAG.pteNoExecute] as const;

/**
 * Whether a case says something that no other case says: the rules by which kvm-unit-tests' access.c thins its matrix.
 *
 * @internal
 */
export function isLegalCase(flags: number, dimensions: MatrixDimensions): boolean {
  const has = (flag: number) => (flags & flag) !== 0;
  if (has(FLAG.forcedEmulation) || (has(FLAG.cpuSmep) && !dimensions.smep)) {
    return false;
  }
  if (has(FLAG.accessFetch) && has(FLAG.accessWrite)) {
    return false;
  }
  if (!has(FLAG.cpuPke) && (has(FLAG.pkruAccessDisable) || has(FLAG.pkruWriteDisable))) {
    return false;
  }
  if (!dimensions.protectionKeys && (has(FLAG.cpuPke) || has(FLAG.leafKey))) {
    return false;
  }
  if (has(FLAG.pdeBit13) && !has(FLAG.pdePageSize)) {
    return false;
  }
  if (dimensions.maxPhyAddr >= 52 && (has(FLAG.pdeBit51) || has(FLAG.pteBit51))) {
    return false;
  }
  if (dimensions.maxPhyAddr >= 37 && (has(FLAG.pdeBit36) || has(FLAG.pteBit36))) {
    return false;
  }
  return countReserved(flags) <= 1;
}

/**
 * Calls `visit` once for each legal case of a share. Cases with the same registers and entries follow each other, so
 * that the visitor can keep what it made of them.
 *
 * @internal
 */
export function forEachLegalCase(
  dimensions: MatrixDimensions,
  visit: (flags: number) => void,
  share: MatrixShare = everything,
): void {
  const accesses = accessCases(dimensions);
  let entries = 0;
  for (const cpu of cpuCases(dimensions)) {
    const pdes = entryCases(cpu, pdeFlags(dimensions), dimensions);
    const ptes = entryCases(cpu, pteFlags(dimensions), dimensions);
    for (const pde of pdes) {
      for (const pte of ptes) {
        // One reserved bit ends the walk; two of them say nothing more.
        if (countReserved(cpu | pde | pte) <= 1 && entries++ % share.parts === share.part) {
          for (const access of accesses) {
            visit(cpu | pde | pte | access);
          }
        }
      }
    }
  }
}

function countReserved(flags: number): number {
  let count = 0;
  for (const flag of reservedFlags) {
    count += (flags & flag) !== 0 ? 1 : 0;
  }
  if ((flags & FLAG.cpuNxe) === 0) {
    for (const flag of executeDisableFlags) {
      count += (flags & flag) !== 0 ? 1 : 0;
    }
  }
  return count;
}

function cpuCases(dimensions: MatrixDimensions): number[] {
  const keys = dimensions.protectionKeys ? [FLAG.cpuPke, FLAG.pkruAccessDisable, FLAG.pkruWriteDisable] : [];
  const smep = dimensions.smep ? [FLAG.cpuSmep] : [];
  return subsets([...alwaysDrawn.cpu, ...keys, ...smep]).filter((flags) => isLegalCase(flags, dimensions));
}

function accessCases(dimensions: MatrixDimensions): number[] {
  const keys = dimensions.protectionKeys ? [FLAG.leafKey] : [];
  return subsets([...alwaysDrawn.access, ...keys]).filter((flags) => isLegalCase(flags, dimensions));
}

function entryCases(cpu: number, flags: readonly number[], dimensions: MatrixDimensions): number[] {
  return subsets(flags).filter((entry) => isLegalCase(cpu | entry, dimensions));
}

function pdeFlags({ maxPhyAddr }: MatrixDimensions): number[] {
  return [...alwaysDrawn.pde, ...(maxPhyAddr < 37 ? [FLAG.pdeBit36] : []), ...(maxPhyAddr < 52 ? [FLAG.pdeBit51] : [])];
}

function pteFlags({ maxPhyAddr }: MatrixDimensions): number[] {
  return [...alwaysDrawn.pte, ...(maxPhyAddr < 37 ? [FLAG.pteBit36] : []), ...(maxPhyAddr < 52 ? [FLAG.pteBit51] : [])];
}

/** Every union of some of the flags. */
function subsets(flags: readonly number[]): number[] {
  let sets = [0];
  for (const flag of flags) {
    sets = sets.concat(sets.map((set) => set | flag));
  }
  return sets;
}
