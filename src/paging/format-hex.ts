/**
 * The one place where numbers become hexadecimal text: lower case, `0x` in front, so that what is printed can be pasted into a
 * debugger. Lives here because every layer above prints numbers.
 *
 * @param digits - at least so many; a linear address of long mode and an 8-byte entry have 16, a physical address as few as it needs
 * @public
 */
export function formatHex(value: bigint | number, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** How many digits show any linear address of so many bits, sign-extended where there are more than 32. @internal */
export function linearDigits(linearBits: 32 | 48 | 57): 8 | 16 {
  return linearBits === 32 ? 8 : 16;
}
