// A walker of 4-level tables as one might write it in an afternoon, which answers as KVM_TRANSLATE2 does. It is what is checked: put
// your own in its place, or a program that is asked over a pipe.

const PRESENT = 1n;
const WRITE = 2n;
const USER = 4n;
const LARGE = 0x80n;
const NO_EXECUTE = 1n << 63n;
const FRAME = 0x000f_ffff_ffff_f000n;
/** KVM_TRANSLATE2's error codes. */
const [NOT_PRESENT, PRIVILEGE, INVALID_GVA] = [1, 2, 4];

/**
 * @param {(physical: bigint) => bigint} readEntry
 * @param {bigint} cr3
 * @param {bigint} address
 * @param {{ write: boolean, user: boolean, exec: boolean }} access
 * @returns {{ valid: boolean, errorCode: number, physicalAddress: bigint }}
 */
export function walk(readEntry, cr3, address, access) {
  const upper = address >> 47n;
  if (upper !== 0n && upper !== 0x1ffffn) return { valid: false, errorCode: INVALID_GVA, physicalAddress: 0n };
  let table = cr3 & FRAME;
  let rights = WRITE | USER;
  let noExecute = 0n;
  for (let shift = 39n; shift >= 12n; shift -= 9n) {
    const at = table + ((address >> shift) & 511n) * 8n;
    const entry = readEntry(at);
    if ((entry & PRESENT) === 0n) return { valid: false, errorCode: NOT_PRESENT, physicalAddress: at };
    rights &= entry;
    noExecute |= entry & NO_EXECUTE;
    const isLeaf = shift === 12n || (shift < 39n && (entry & LARGE) !== 0n);
    if (!isLeaf) {
      table = entry & FRAME;
      continue;
    }
    const isDenied =
      (access.user && (rights & USER) === 0n) ||
      (access.write && (rights & WRITE) === 0n) ||
      (access.exec && noExecute !== 0n);
    if (isDenied) return { valid: false, errorCode: PRIVILEGE, physicalAddress: at };
    const size = 1n << shift;
    return { valid: true, errorCode: 0, physicalAddress: (entry & FRAME & ~(size - 1n)) | (address & (size - 1n)) };
  }
  throw new Error('unreachable');
}
