import { expect } from 'chai';
import { decodeEntry, type StandingEntry } from '../../../../src/linux/entries/decode-entry.ts';
import { type EntryRules, readEntryRules } from '../../../../src/linux/entries/entry-rules.ts';
import type { LinuxEntry } from '../../../../src/linux/index.ts';
import type { KernelNames } from '../../../../src/linux/kernel/kernel-names.ts';
import { formatLinuxEntry } from '../../../../src/report/linux/format-entry.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

/** Of a kernel with two swap areas, and all that it can be built with: types 23 to 31 are something else. */
const RULES: EntryRules = {
  swapFiles: 2,
  specialTypes: new Map([
    [23, 'poisoned'],
    [24, 'migration-read'],
    [25, 'migration-read-exclusive'],
    [26, 'migration-write'],
    [27, 'device'],
    [31, 'marker'],
  ]),
  hasSavedDirty: false,
  hasUffdWp: true,
  frameBits: 34,
};
const isMemory = (address: bigint): boolean => address < 0x2000_0000n;
const decode = (value: bigint, where: Partial<StandingEntry> = {}, rules = RULES): LinuxEntry =>
  decodeEntry(
    { value: BigInt.asUintN(64, value), level: 1, sizeBytes: 8, isUserAddress: true, ...where },
    rules,
    isMemory,
  );
/** As arch/x86/include/asm/pgtable_64.h makes them: __swp_entry(). */
const swapEntry = (type: bigint, offset: bigint, bits = 0n): bigint =>
  (type << 59n) | (((~offset << 14n) & 0xffff_ffff_ffff_ffffn) >> 5n) | bits;

describe('linux/decodeEntry', () => {
  it('finds the page that PROT_NONE hides, inverted or not', () => {
    const hidden = { kind: 'no-access', physicalAddress: 0x123_4000n } as const;
    expect(decode((~0x123_4000n & 0x000f_ffff_ffff_f000n) | 0x8000_0000_0000_0160n)).to.deep.equal({
      ...hidden,
      isInverted: true,
    });
    // Before 4.18, and without PAE.
    expect(decode(0x123_4160n)).to.deep.equal({ ...hidden, isInverted: false });
    expect(decode(0x123_4160n, { sizeBytes: 4 })).to.deep.equal({ ...hidden, isInverted: false });
    expect(decode(0x5555_5555_5100n)).to.deep.equal({ kind: 'no-access', physicalAddress: null, isInverted: false });
    expect(decode((~0x120_0000n & 0x000f_ffff_ffe0_0000n) | 0x180n, { level: 2 })).to.include({
      physicalAddress: 0x120_0000n,
    });
  });

  it('reads type, inverted offset and bits of a page in swap', () => {
    const none = { softDirty: false, uffdWp: false, exclusive: false };
    expect(decode(swapEntry(1n, 0x2345n))).to.deep.equal({ kind: 'swap', type: 1, offset: 0x2345n, ...none });
    expect(decode(swapEntry(0n, 0n, 0b1110n))).to.deep.equal({
      ...{ kind: 'swap', type: 0, offset: 0n },
      ...{ softDirty: true, uffdWp: true, exclusive: true },
    });
    // Without PAE: type in bits 5:1, offset from bit 9 on.
    expect(decode(0x2345_0202n, { sizeBytes: 4 })).to.deep.equal({
      kind: 'swap',
      type: 1,
      offset: 0x11_a281n,
      ...none,
    });
  });

  it('tells what is no page of a swap area by the types above these', () => {
    expect(decode(swapEntry(26n, 0x1234n | (1n << 34n)))).to.include({
      kind: 'migration',
      allows: 'write',
      physicalAddress: 0x123_4000n,
    });
    expect(decode(swapEntry(25n, 1n))).to.include({ allows: 'read-exclusive' });
    expect(decode(swapEntry(24n, 1n))).to.include({ allows: 'read' });
    expect(decode(swapEntry(23n, 0x99n))).to.deep.equal({ kind: 'poisoned', physicalAddress: 0x9_9000n });
    expect(decode(swapEntry(27n, 0x99n))).to.deep.equal({ kind: 'device', frame: 0x99n });
    expect(decode(swapEntry(31n, 5n))).to.deep.equal({ kind: 'marker', marks: ['uffd-wp', 'guard'], value: 5n });
  });

  it('does not guess what a kernel does not prove', () => {
    const unproven = { ...RULES, specialTypes: null };
    expect(decode(swapEntry(31n, 5n), {}, unproven)).to.deep.equal({ kind: 'unknown', type: 31, offset: 5n });
    expect(decode(swapEntry(0n, 5n), {}, { ...unproven, swapFiles: null })).to.include({ kind: 'unknown' });
    expect(decode(swapEntry(7n, 5n))).to.deep.equal({ kind: 'unknown', type: 7, offset: 5n });
    // No page of the kernel itself is in swap.
    expect(decode(swapEntry(0n, 5n), { isUserAddress: false })).to.include({ kind: 'unknown', type: null });
    expect(decode(0x40n, { level: 3 })).to.include({ kind: 'unknown' });
  });

  it('names the bits that are its own in pages of processes', () => {
    expect(decode((1n << 58n) | 0xe27n)).to.deep.equal({
      kind: 'present',
      bits: ['special', 'uffd-wp', 'soft-dirty', 'devmap'],
    });
    const later = { ...RULES, hasSavedDirty: true, hasUffdWp: false };
    expect(decode((1n << 58n) | 0x427n, {}, later)).to.deep.equal({ kind: 'present', bits: ['saved-dirty'] });
    // Where it is not known which of them bits 57 and 58 are, neither is told.
    const unknown = { ...RULES, hasSavedDirty: null };
    expect(decode((3n << 57n) | 0x227n, {}, unknown)).to.deep.equal({ kind: 'present', bits: ['special'] });
    expect(decode(0xe63n, { isUserAddress: false })).to.deep.equal({ kind: 'present', bits: [] });
    expect(decode(0n)).to.deep.equal({ kind: 'empty' });
    expect(decode(0xc0n, { level: 2 })).to.deep.equal({ kind: 'splitting' });
  });

  it('tells what bit 58 is by the symbols that a kernel has, if these are all of them', async () => {
    const { space } = new FlatMemory();
    const rulesOf = (names: KernelNames) => readEntryRules(names, space);
    const before = namesWith(null, { ptep_set_access_flags: 0x1000n });
    const since = namesWith(null, { ptep_set_access_flags: 0x1000n, pte_mkwrite: 0x1100n });
    expect(await rulesOf(before)).to.include({ hasSavedDirty: false });
    expect(await rulesOf(since)).to.include({ hasSavedDirty: true });
    for (const names of [
      { ...before, symbols: null },
      namesWith(null, { do_exit: 1n }),
      { ...since, wordBytes: 4 as const },
    ])
      expect(await rulesOf(names)).to.include({ hasSavedDirty: null });
  });

  it('says all that in words', () => {
    expect(formatLinuxEntry(decode(swapEntry(1n, 0x2345n, 0b1010n)))).to.equal(
      'swapped out to swap area 1, page 0x2345; soft-dirty, exclusive',
    );
    expect(formatLinuxEntry(decode((~0x123_4000n & 0x000f_ffff_ffff_f000n) | 0x160n))).to.equal(
      'access is taken away (PROT_NONE, or a NUMA hint): the page stays at 0x1234000, inverted in the entry',
    );
    expect(formatLinuxEntry(decode(swapEntry(31n, 1n)))).to.equal(
      'no page, but a marker: write-protected by userfaultfd',
    );
    expect(formatLinuxEntry(decode(0x27n))).to.equal('');
  });
});
