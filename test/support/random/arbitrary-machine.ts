import fc from 'fast-check';
import { accessOf, controlBits } from '../reference/reference-machine.ts';
import type { ReferenceAccess, ReferenceMachine } from '../reference/reference-translation.ts';

const { cr0, cr4, efer } = controlBits;

const word = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

/** Every bit as it falls; or also few bits, so that a single one decides. */
const sparseWord = fc
  .uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: 6 })
  .map((bits) => bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n));

const anyWord = fc.oneof(word, sparseWord);

/** A register with some bits mostly set, often clear, else as they fall: so that each paging mode is met often. */
function wordWith(bits: bigint, percentSet: number): fc.Arbitrary<bigint> {
  return fc.tuple(anyWord, fc.integer({ min: 0, max: 99 })).map(([value, percent]) => {
    return percent < percentSet ? value | bits : percent < 95 ? value & ~bits : value;
  });
}

/**
 * Any register values that fit, whether or not a processor would take them, on any processor.
 *
 * @internal
 */
export const anyMachine: fc.Arbitrary<ReferenceMachine> = fc.record({
  registers: fc.record(
    {
      cr0: wordWith(cr0.pg, 90),
      cr3: anyWord,
      cr4: wordWith(cr4.pae, 75),
      efer: wordWith(efer.lma, 65),
      rflags: anyWord,
      pkru: fc.nat(0xffff_ffff),
      pkrs: fc.nat(0xffff_ffff),
      pdptes: fc.tuple(anyWord, anyWord, anyWord, anyWord),
      a20: fc.boolean(),
    },
    { requiredKeys: ['cr0', 'cr3', 'cr4', 'efer', 'rflags', 'pkru', 'pkrs'] },
  ),
  processor: fc.record(
    {
      maxPhyAddr: fc.integer({ min: 32, max: 52 }),
      vendor: fc.constantFrom('intel', 'amd'),
      pse36: fc.boolean(),
      pdpe1gb: fc.boolean(),
      encryptionBit: fc.integer({ min: 32, max: 51 }),
    },
    { requiredKeys: ['maxPhyAddr', 'vendor', 'pse36', 'pdpe1gb'] },
  ),
});

/** Any access that makes sense in itself. @internal */
export const anyAccess: fc.Arbitrary<ReferenceAccess> = fc
  .constantFrom('', 'w', 'x', 'u', 'wu', 'xu', 'i', 'wi', 's', 'wus', 'f', 'wf', 'k', 'wk', 'ku', 'wku')
  .map(accessOf);

/**
 * Any linear address; often one that is canonical, often with a tag.
 *
 * @param width - of an address in the mode that it is for
 * @internal
 */
export function anyLinear(width: 32 | 48 | 57): fc.Arbitrary<bigint> {
  if (width === 32) {
    return fc.oneof(
      { weight: 9, arbitrary: fc.bigInt({ min: 0n, max: 0xffff_ffffn }) },
      { weight: 1, arbitrary: word },
    );
  }
  const tags = fc.constantFrom(0n, 0n, 0x7e00_0000_0000_0000n, 0xffff_0000_0000_0000n);
  return fc
    .tuple(word, word, tags, fc.constantFrom(width, width, width, 64))
    .map(([value, tag, tagged, kept]) => (BigInt.asUintN(64, BigInt.asIntN(kept, value)) & ~tagged) | (tag & tagged));
}

/** Any entry; mostly present, often a table, often without a bit that could be reserved. */
const anyEntry: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 1, arbitrary: anyWord },
  { weight: 1, arbitrary: anyWord.map((entry) => entry | 7n) },
  { weight: 8, arbitrary: word.map((entry) => (entry & 0xffff_fe7fn) | 7n) },
  { weight: 2, arbitrary: word.map((entry) => (entry & 0xc000_007fn) | 0x83n) },
);

/** An entry that may also be a PAE directory pointer, most of whose flags are reserved. */
const anyTopEntry: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 2, arbitrary: anyEntry },
  { weight: 1, arbitrary: word.map((entry) => (entry & 0xffff_fe18n) | 1n) },
);

/** As many entries as a walk can read, from the top. @internal */
export const anyEntries: fc.Arbitrary<readonly bigint[]> = fc
  .tuple(anyTopEntry, fc.array(anyEntry, { minLength: 4, maxLength: 4 }))
  .map(([top, others]) => [top, ...others]);
