/**
 * The one place where numbers become hexadecimal text: lower case, `0x` in front, so that what is printed can be pasted into a
 * debugger. Lives here because every layer above prints numbers.
 *
 * @param digits - at least so many; a linear address and an 8-byte entry have 16, a physical address as few as it needs
 * @public
 */
export function formatHex(value: bigint | number, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
