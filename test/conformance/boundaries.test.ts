import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  AMD,
  type BitFlags,
  createContext,
  INTEL,
  KVM,
  PagingInputError,
  type PlannedBits,
  type Profile,
  planBits,
  processorBits,
  TCG,
  type Translation,
  tcgProfile,
  translate,
} from '../../src/paging/index.ts';
import { describePlan, describeTranslation, hex } from '../support/judge/describe-translation.ts';
import { anyAccess, anyEntries, anyLinear, anyMachine } from '../support/random/arbitrary-machine.ts';
import { howMany } from '../support/random/how-many.ts';
import { accessOf, controlBits, machineIn } from '../support/reference/reference-machine.ts';
import { referencePlan } from '../support/reference/reference-plan.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMemory } from '../support/reference/reference-translation.ts';
import { referenceMode, referenceTranslate } from '../support/reference/reference-walker.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
/** fast-check says on failure with which seed and path it failed; the seed alone finds the same case again. */
const parameters = {
  seed: chosenSeed === undefined ? randomInt(0x7fff_ffff) : Number(chosenSeed),
  numRuns: howMany({ daily: 3000, thorough: 30_000 }),
};

const levels = { off: 0, '32-bit': 2, pae: 3, '4-level': 4, '5-level': 5 } as const;

const profiles: readonly Profile[] = [INTEL, AMD, KVM, TCG, tcgProfile([7, 2, 0])];

const flagSets: readonly BitFlags[] = [
  { setAccessed: false, setDirty: false, forceSetAccessed: false },
  { setAccessed: true, setDirty: false, forceSetAccessed: false },
  { setAccessed: true, setDirty: false, forceSetAccessed: true },
  { setAccessed: true, setDirty: true, forceSetAccessed: true },
];

/** A guest can put anything at all into registers and where an entry is read. */
describe('boundaries of a walk, for any registers and any entries', function () {
  this.timeout(0);

  it('createContext takes whatever fits the registers', () => {
    fc.assert(
      fc.property(anyMachine, fc.constantFrom(undefined, ...profiles), ({ registers, processor }, profile) => {
        const context = createContext(registers, profile === undefined ? processor : { ...processor, profile });
        expect(context.levels).to.have.length(levels[context.mode]);
      }),
      parameters,
    );
  });

  it('reads no more entries than the mode has levels, each in the table that the one before names', () => {
    fc.assert(fc.property(anyWalk, checkReads), parameters);
  });

  it('plans nothing but A and D, each where it is missing from a present entry that the walk used', () => {
    fc.assert(fc.property(anyWalk, checkPlans), parameters);
  });

  it('does so too with every profile', () => {
    fc.assert(
      fc.property(anyWalk, fc.constantFrom(...profiles), (walk, profile) => {
        const { translation, memory, context } = run(walk, walk.machine, profile);
        expect(memory.reads.length).to.be.at.most(levels[context.mode]);
        checkBits(translation, processorBits(context, translation), { isProcessor: true });
        for (const flags of flagSets) checkBits(translation, planBits(translation, flags), { isProcessor: false });
      }),
      parameters,
    );
  });

  it('agrees with the reference, where the registers are such as one processor has', () => {
    fc.assert(
      fc.property(anyWalk, (walk) => {
        const sane = ofOneVendor(walk.machine);
        const { translation, access } = run(walk, sane);
        const expected = referenceTranslate(sane, new ListedMemory(walk.entries), walk.linear, access);
        expect(describeTranslation(translation)).to.equal(describeTranslation(expected));
        const flags = { setAccessed: true, setDirty: access.write, forceSetAccessed: true };
        const hasPointerTable = referenceMode(sane) === 'pae';
        expect(describePlan(planBits(translation, flags))).to.equal(
          describePlan(referencePlan(expected, flags, hasPointerTable)),
        );
      }),
      parameters,
    );
  });
});

interface AnyWalk {
  machine: ReferenceMachine;
  linear: bigint;
  access: ReferenceAccess;
  /** What is read, in this order; an address read again gives the same. */
  entries: readonly bigint[];
}

describe('input that names no machine state', () => {
  const { registers, processor } = machineIn('4-level');
  const refusal = (attempt: () => unknown): string => {
    try {
      attempt();
      return 'taken';
    } catch (error) {
      return error instanceof PagingInputError ? error.code : String(error);
    }
  };

  it('a register wider than it is', () => {
    for (const name of ['cr0', 'cr3', 'cr4', 'efer', 'rflags', 'pkru', 'pkrs'] as const) {
      const isKey = name === 'pkru' || name === 'pkrs';
      const wrong = isKey ? [0x1_0000_0000, -1, 0.5, Number.NaN] : [1n << 64n, -1n];
      for (const value of wrong) {
        const attempt = () => createContext({ ...registers, [name]: value }, processor);
        expect(refusal(attempt), `${name} ${value}`).to.equal('ERR_PAGING_REGISTER');
      }
    }
    for (const cpl of [-1, 4, 0.5]) {
      expect(
        refusal(() => createContext({ ...registers, cpl }, processor)),
        `CPL ${cpl}`,
      ).to.equal('ERR_PAGING_REGISTER');
    }
    const pdptes = [0n, 0n, 0n, 1n << 64n] as const;
    expect(refusal(() => createContext({ ...registers, pdptes }, processor))).to.equal('ERR_PAGING_REGISTER');
  });

  it('a processor with widths that there are not', () => {
    for (const maxPhyAddr of [31, 53, 40.5, Number.NaN]) {
      const attempt = () => createContext(registers, { ...processor, maxPhyAddr });
      expect(refusal(attempt), `MAXPHYADDR ${maxPhyAddr}`).to.equal('ERR_PAGING_PROCESSOR');
    }
    for (const encryptionBit of [31, 52, 47.5]) {
      const attempt = () => createContext(registers, { ...processor, encryptionBit });
      expect(refusal(attempt), `C-bit ${encryptionBit}`).to.equal('ERR_PAGING_PROCESSOR');
    }
  });

  it('an address of more than 64 bits, and accesses that are two at once', () => {
    const context = createContext({ ...registers, cr4: registers.cr4 | controlBits.cr4.cet }, processor);
    const ask = (linear: bigint, letters: string) => () =>
      translate(context, new ListedMemory([]), linear, accessOf(letters));
    expect(refusal(ask(1n << 64n, ''))).to.equal('ERR_PAGING_ADDRESS');
    expect(refusal(ask(-1n, ''))).to.equal('ERR_PAGING_ADDRESS');
    for (const letters of ['wx', 'iu', 'ix', 'ik', 'kx']) {
      expect(refusal(ask(0n, letters)), letters).to.equal('ERR_PAGING_ACCESS');
    }
  });
});

const widths = { off: 32, '32-bit': 32, pae: 32, '4-level': 48, '5-level': 57 } as const;

const anyWalk: fc.Arbitrary<AnyWalk> = anyMachine.chain((machine) =>
  fc.record({
    machine: fc.constant(machine),
    linear: anyLinear(widths[referenceMode(machine)]),
    access: anyAccess,
    entries: anyEntries,
  }),
);

class ListedMemory implements ReferenceMemory {
  readonly reads: { address: bigint; size: 4 | 8; value: bigint }[] = [];
  readonly #entries: readonly bigint[];

  constructor(entries: readonly bigint[]) {
    this.#entries = entries;
  }

  readEntry(address: bigint, size: 4 | 8): bigint {
    const known = this.reads.find((read) => read.address === address);
    const value = known?.value ?? BigInt.asUintN(size * 8, this.#entries[this.reads.length] ?? 0n);
    this.reads.push({ address, size, value });
    return value;
  }
}

function run(walk: AnyWalk, { registers, processor }: ReferenceMachine, profile?: Profile) {
  const memory = new ListedMemory(walk.entries);
  const context = createContext(registers, profile === undefined ? processor : { ...processor, profile });
  // Without CR4.CET there is no shadow stack to access, and asking for it is refused.
  const shadowStack = walk.access.shadowStack && (registers.cr4 & controlBits.cr4.cet) !== 0n;
  const access = { ...walk.access, shadowStack };
  return { translation: translate(context, memory, walk.linear, access), memory, context, access };
}

function checkReads(walk: AnyWalk): void {
  const { machine } = walk;
  const { translation, memory } = run(walk, machine);
  const mode = referenceMode(machine);
  const isLatched = mode === 'pae' && machine.registers.pdptes !== undefined;
  expect(memory.reads.length).to.be.at.most(levels[mode] - (isLatched ? 1 : 0));
  const bus = (address: bigint) => (machine.registers.a20 === false ? address & ~(1n << 20n) : address);
  // 32-bit paging has no C-bit, and no mode of 32 bits has one in CR3.
  const cBit = mode === '32-bit' ? 0n : 1n << BigInt(machine.processor.encryptionBit ?? 64);
  // No processor has bits of CR3 above MAXPHYADDR set; where they are, KVM and QEMU take 51:12 for the root, and so does the walk.
  let width = 52;
  let table = bus(rootOf(machine, mode) & ~cBit);
  for (const { address, size } of memory.reads.slice(0, isLatched ? 0 : undefined)) {
    expect(address % BigInt(size), hex(address)).to.equal(0n);
    expect(address >> BigInt(width), hex(address)).to.equal(0n);
    width = machine.processor.maxPhyAddr;
    const length = mode === 'pae' && table === bus(rootOf(machine, mode)) && address - table < 32n ? 32n : 4096n;
    expect(hex(address - ((address - table) % length)), `in the table at ${hex(table)}`).to.equal(hex(table));
    const value = memory.reads.find((read) => read.address === address)?.value ?? 0n;
    table = bus(value & ~cBit & (size === 4 ? 0xffff_f000n : 0xf_ffff_ffff_f000n));
  }
  expect(translation.steps.length).to.equal(memory.reads.length + (isLatched && translation.steps.length > 0 ? 1 : 0));
  if (translation.kind === 'mapped') {
    expect(translation.physicalAddress >> 52n).to.equal(0n);
    const offset = mode === 'off' ? 0xffff_ffffn : 0xfffn;
    expect(hex(translation.physicalAddress & offset)).to.equal(hex(bus(walk.linear & offset)));
  }
}

function rootOf({ registers }: ReferenceMachine, mode: keyof typeof levels): bigint {
  if (mode === 'pae') return registers.cr3 & 0xffff_ffe0n;
  if (mode === '32-bit') return registers.cr3 & 0xffff_f000n;
  return registers.cr3 & 0xf_ffff_ffff_f000n;
}

function checkPlans(walk: AnyWalk): void {
  const { translation } = run(walk, walk.machine);
  for (const flags of flagSets) {
    const planned = planBits(translation, flags);
    checkBits(translation, planned, { isProcessor: false });
    if (!flags.setAccessed || (translation.kind === 'fault' && !flags.forceSetAccessed))
      expect(planned).to.deep.equal([]);
    if (!flags.setDirty) expect(planned.filter(({ dirty }) => dirty)).to.deep.equal([]);
  }
}

/** Only what an accessed or dirty bit is, and only in entries of this walk; QEMU's TCG alone sets bit 5 of a PAE PDPTE. */
function checkBits(
  translation: Translation,
  planned: readonly PlannedBits[],
  { isProcessor }: { isProcessor: boolean },
): void {
  for (const { address, level, value, sizeBytes, accessed, dirty } of planned) {
    const step = translation.steps.find((candidate) => candidate.address === address && candidate.level === level);
    expect(step, `level ${level}`).to.not.equal(undefined);
    expect({ value: hex(value), sizeBytes }).to.deep.equal({
      value: hex(step?.value ?? 0n),
      sizeBytes: step?.sizeBytes,
    });
    expect(accessed || dirty, 'something is to be set').to.equal(true);
    expect(value & 1n, 'P').to.equal(1n);
    expect(accessed && (value & 0x20n) !== 0n, 'A is there already').to.equal(false);
    expect(dirty && (value & 0x40n) !== 0n, 'D is there already').to.equal(false);
    expect(accessed && !isProcessor && step?.hasAccessed === false, 'A in a PDPTE').to.equal(false);
    expect(dirty && (translation.kind === 'fault' || step?.leaf !== true), 'D above a leaf').to.equal(false);
  }
}

/**
 * LAM and LASS are Intel's and UAI is AMD's; CET needs CR0.WP; MOV to CR3 takes no reserved bits, neither of CR3 nor of a PDPTE;
 * the C-bit is not among the bits that PSE-36 can say. What a walker makes of other registers is its own affair.
 */
function ofOneVendor({ registers, processor }: ReferenceMachine): ReferenceMachine {
  const isIntel = processor.vendor === 'intel';
  const { lamU57, lamU48 } = controlBits.cr3;
  const { lamSup, lass, cet } = controlBits.cr4;
  const isLong = (registers.efer & controlBits.efer.lma) !== 0n;
  const withoutIntel = isIntel ? 0n : lamSup | lass;
  const withoutCet = (registers.cr0 & controlBits.cr0.wp) === 0n ? cet : 0n;
  const address = (1n << BigInt(processor.maxPhyAddr)) - 1n;
  const { encryptionBit = 0, ...rest } = processor;
  const encryption = encryptionBit < 40 ? 0n : 1n << BigInt(encryptionBit);
  return {
    registers: {
      ...registers,
      cr3: isLong ? registers.cr3 & (address | encryption | (isIntel ? lamU57 | lamU48 : 0n)) : registers.cr3,
      cr4: registers.cr4 & ~(withoutIntel | withoutCet),
      efer: registers.efer & ~(isIntel ? controlBits.efer.uaie : 0n),
      ...(registers.pdptes === undefined
        ? {}
        : { pdptes: mapFour(registers.pdptes, (entry) => entry & address & ~0x1e6n) }),
    },
    processor: encryptionBit < 40 ? rest : processor,
  };
}

function mapFour<T>([a, b, c, d]: readonly [T, T, T, T], change: (value: T) => T): [T, T, T, T] {
  return [change(a), change(b), change(c), change(d)];
}
