/** What {@link protectionKeysRom} sets. */
export const PROTECTION_KEYS = {
  pkru: 0x5555_5554,
  pkrs: 0x0000_0f0c,
  vmHsave: 0x0012_3000n,
  pat: 0x0000_0001_0605_0400n,
  efer: 0x1800n, // SVME, and NXE
} as const;

const ROM_BYTES = 0x10000;
const RESET_VECTOR = 0xfff0;

/** `mov ecx, msr; mov edx, high; mov eax, low; wrmsr` in 16-bit code. */
function wrmsr(msr: number, value: bigint): number[] {
  return [0x66, 0xb9, ...le32(msr), 0x66, 0xba, ...le32(Number(value >> 32n)), ...movEax(value), 0x0f, 0x30];
}

function movEax(value: bigint): number[] {
  return [0x66, 0xb8, ...le32(Number(value & 0xffff_ffffn))];
}

function le32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...bytes];
}

/**
 * A ROM for `-bios` that sets PKRU, PKRS and some MSRs and halts, all in real mode: with `-cpu max` under TCG. No register
 * interface of QEMU's can write PKRU, so only code in the guest can make a device state that contains it.
 */
export function protectionKeysRom(): Uint8Array {
  const rom = Buffer.alloc(ROM_BYTES, 0xf4);
  const code = [
    // mov eax, cr4; or eax, PKE | PKS; mov cr4, eax
    ...[0x0f, 0x20, 0xe0, 0x66, 0x0d, ...le32((1 << 22) | (1 << 24)), 0x0f, 0x22, 0xe0],
    // xor ecx, ecx; xor edx, edx; mov eax, PKRU; wrpkru
    ...[0x66, 0x31, 0xc9, 0x66, 0x31, 0xd2, ...movEax(BigInt(PROTECTION_KEYS.pkru)), 0x0f, 0x01, 0xef],
    ...wrmsr(0x6e1, BigInt(PROTECTION_KEYS.pkrs)),
    ...wrmsr(0x277, PROTECTION_KEYS.pat),
    ...wrmsr(0xc000_0080, PROTECTION_KEYS.efer),
    ...wrmsr(0xc001_0117, PROTECTION_KEYS.vmHsave),
    // hlt; jmp to the hlt
    ...[0xf4, 0xeb, 0xfd],
  ];
  rom.set(code, 0);
  // jmp near 0 at the reset vector: CS keeps its base at the top of 4 GiB.
  const jump = Buffer.from([0xe9, 0, 0]);
  jump.writeInt16LE(-(RESET_VECTOR + 3 - ROM_BYTES), 1);
  rom.set(jump, RESET_VECTOR);
  return rom;
}
