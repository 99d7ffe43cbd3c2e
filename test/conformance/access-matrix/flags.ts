/**
 * The 31 flags of one case: what the entries hold, how the access is made, and what the processor has switched on.
 *
 * A case is a number, so that tens of millions of them cost nothing to make.
 *
 * @internal
 */
export const FLAG = {
  ptePresent: 1 << 0,
  pteWritable: 1 << 1,
  pteUser: 1 << 2,
  pteAccessed: 1 << 3,
  pteDirty: 1 << 4,
  pteNoExecute: 1 << 5,
  pteBit36: 1 << 6,
  pteBit51: 1 << 7,
  pdePresent: 1 << 8,
  pdeWritable: 1 << 9,
  pdeUser: 1 << 10,
  pdeAccessed: 1 << 11,
  pdeDirty: 1 << 12,
  pdePageSize: 1 << 13,
  pdeNoExecute: 1 << 14,
  pdeBit13: 1 << 15,
  pdeBit36: 1 << 16,
  pdeBit51: 1 << 17,
  pdpteReadOnly: 1 << 18,
  /** The leaf has key 1, and a PDE above it key 2, which nothing may use. */
  leafKey: 1 << 19,
  pkruAccessDisable: 1 << 20,
  pkruWriteDisable: 1 << 21,
  accessUser: 1 << 22,
  accessWrite: 1 << 23,
  accessFetch: 1 << 24,
  /** A supervisor read comes first. */
  accessTwice: 1 << 25,
  cpuNxe: 1 << 26,
  cpuWriteProtect: 1 << 27,
  cpuSmep: 1 << 28,
  cpuPke: 1 << 29,
  /** The access goes through an instruction emulator; of no meaning to a walker, and never set here. */
  forcedEmulation: 1 << 30,
} as const;

/** The names of the flags that are set, for a person. @internal */
export function describeFlags(flags: number): string {
  const names = Object.entries(FLAG).filter(([, bit]) => (flags & bit) !== 0);
  return names.map(([name]) => name).join(' ');
}
