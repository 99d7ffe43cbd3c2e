import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { AbiError, HV_CONTROL, hvControlProblem, hvTranslate, hvWalkInMemory } from '../../../src/abi/index.ts';
import { hypercallByBoth } from '../../support/judge/hypercall-by-both.ts';
import { howMany, isThorough } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import { randomMachine } from '../../support/random/random-machine.ts';
import { randomMemoryTypes } from '../../support/random/random-memory-types.ts';
import { randomTables } from '../../support/random/random-tables.ts';
import {
  hypercallFlags,
  isInvalidParameter,
  type ReferencePages,
  type ReferenceProcessor,
} from '../../support/reference/reference-hypercall.ts';
import { controlBits, machineIn } from '../../support/reference/reference-machine.ts';
import type { ReferenceMachine, ReferenceMode } from '../../support/reference/reference-translation.ts';
import { hypercallPages } from './hypercall-pages.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);

/** In each mode. */
const machines = howMany({ daily: 10, thorough: 60 });

const allFlags = Object.values(hypercallFlags);
const nothingKnown: ReferencePages = { overlayPages: [], unreadable: [], unwritable: [], inputVtl: 0, masks: [] };
const recipe = `replay with: PAGEWALK_SEED=0x${seed.toString(16)} npx mocha dist/test/conformance/hypercall/*.test.js`;

/** All combinations of the eleven flags. */
const combinations = Array.from({ length: 1 << allFlags.length }, (_, chosen) =>
  allFlags.reduce((flags, flag, position) => ((chosen >> position) & 1 ? flags | flag : flags), 0n),
);

describe('HvCallTranslateVirtualAddress', function () {
  this.timeout(0);

  it('has the flags of the specification', () => {
    expect(HV_CONTROL).to.deep.equal(hypercallFlags);
  });

  it('refuses reserved flags, and flags that validate nothing', () => {
    const one = combinations.flatMap((flags) => [flags, ...(flags % 8n === 1n ? withEachOther(flags) : [])]);
    for (const flags of one) {
      expect(hvControlProblem(flags) !== null, `0x${flags.toString(16)}`).to.equal(isInvalidParameter(flags));
    }
    expect(() => ask(0n, machineIn('off')))
      .to.throw(AbiError)
      .with.property('code', 'ERR_ABI_INVALID_PARAMETER');
  });

  it('takes no shadow-stack access from a vCPU that has none', () => {
    const flags = HV_CONTROL.validateRead | HV_CONTROL.shadowStack;
    expect(() => ask(flags, machineIn('4-level')))
      .to.throw(AbiError)
      .with.property('code', 'ERR_ABI_INVALID_PARAMETER');
  });

  it('answers every combination of flags for a page of every right, under the protections of any VTL', () => {
    const random = new Random(seed);
    const { builder, pages } = hypercallPages();
    const reached = new Set<number>();
    for (const { name, linear } of pages) {
      for (const flags of combinations.filter((flags) => !isInvalidParameter(flags))) {
        if (!isThorough && random.chance(75)) continue;
        const processor = drawProcessor(random, builder.root, flags);
        const known = drawPages(random, builder.root);
        const explain = () => describeCase(name, flags, processor, known);
        const { resultCode } = hypercallByBoth(flags, linear, processor, builder.memory, known, explain);
        reached.add(resultCode);
      }
    }
    expect([...reached].sort(), 'result codes').to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  for (const mode of ['off', '32-bit', 'pae', '4-level', '5-level'] as const) {
    it(`answers as the reference does for random tables, ${mode}`, () => {
      for (let machine = 0; machine < machines; machine++) askOfRandomTables((seed + machine) >>> 0, mode);
    });
  }

  it('finds no page at an address of more than 64 bits', () => {
    const { builder } = hypercallPages();
    const machine = machineIn('4-level', { cr3: builder.root });
    const { cr0, cr4 } = machine.registers;
    const memoryTypes = randomMemoryTypes(new Random(1), cr0, 40);
    const gva = 1n << 64n;
    const walk = hvWalkInMemory(machine.registers, machine.processor, builder.memory, 0n);
    const answer = hvTranslate({ controlFlags: 1n, gva }, { cpl: 0, cr0, cr4, maxPhyAddr: 40, memoryTypes }, walk);
    expect(answer).to.include({ resultCode: 1, gpaPage: 0n });
  });
});

/** The flags with each bit of a u64 that is not among the eleven. */
function withEachOther(flags: bigint): bigint[] {
  return Array.from({ length: 53 }, (_, bit) => flags | (1n << BigInt(bit + 11)));
}

function ask(controlFlags: bigint, machine: ReferenceMachine): unknown {
  const { cr0, cr4 } = machine.registers;
  const memoryTypes = randomMemoryTypes(new Random(1), cr0, 40);
  const walk = hvWalkInMemory(machine.registers, machine.processor, { readEntry: () => null }, 0n);
  return hvTranslate({ controlFlags, gva: 0n }, { cpl: 0, cr0, cr4, maxPhyAddr: 40, memoryTypes }, walk);
}

/** Registers that the flags have something to say about, each way. */
function drawProcessor(random: Random, cr3: bigint, flags: bigint): ReferenceProcessor {
  const { smep, smap, pke, pks, cet } = controlBits.cr4;
  const needsShadowStacks = (flags & hypercallFlags.shadowStack) !== 0n;
  const wp = needsShadowStacks || random.chance(60);
  const some = [smep, smap, pke, pks].reduce((bits, one) => (random.chance(50) ? bits | one : bits), 0n);
  const machine = machineIn('4-level', {
    cr3,
    cr4: some | (needsShadowStacks ? cet : 0n),
    wp,
    nxe: random.chance(80),
    ac: random.chance(50),
    pkru: random.pick([0, random.uint32()]),
    pkrs: random.pick([0, random.uint32()]),
    maxPhyAddr: 46,
  });
  const memoryTypes = randomMemoryTypes(random, machine.registers.cr0, 46);
  return { machine, cpl: random.pick([0, 1, 2, 3, 3]), memoryTypes };
}

/** Pages of tables that are overlays or may not be used, and overlays among the pages of data; mostly none. */
function drawPages(random: Random, root: bigint): ReferencePages {
  const some = (percent: number) =>
    Array.from({ length: 2 * percent }, () => (root >> 12n) + BigInt(random.below(200)));
  if (random.chance(70)) {
    return { ...nothingKnown, overlayPages: dataOverlays };
  }
  const masks = [2, 0, 1, 3]
    .filter(() => random.chance(50))
    .map((vtl) => ({ vtl, unreadable: some(3), unwritable: some(15) }));
  return {
    overlayPages: [...dataOverlays, ...some(30)],
    unreadable: some(3),
    unwritable: some(15),
    inputVtl: random.below(4),
    masks,
  };
}

/** Of every third page of the set. */
const dataOverlays = Array.from({ length: 20 }, (_, index) => BigInt(3 * index) << 20n);

function askOfRandomTables(machineSeed: number, mode: ReferenceMode): void {
  const random = new Random(machineSeed);
  const machine = randomMachine(random, mode);
  // The specification knows of neither LASS nor an A20 gate.
  machine.registers.cr4 &= ~controlBits.cr4.lass;
  delete machine.registers.a20;
  const tables = randomTables(random, machine, mode);
  Object.assign(machine.registers, tables.registers);
  const memoryTypes = randomMemoryTypes(random, machine.registers.cr0, machine.processor.maxPhyAddr);
  const hasShadowStacks = (machine.registers.cr4 & controlBits.cr4.cet) !== 0n;
  for (let round = 0; round < 60; round++) {
    const drawn = random.pick(combinations);
    const flags = hasShadowStacks ? drawn : drawn & ~hypercallFlags.shadowStack;
    if (isInvalidParameter(flags)) {
      continue;
    }
    const gva = tables.linearAddress(random) & ~0xfffn;
    const processor = { machine, cpl: random.below(4), memoryTypes };
    const explain = () =>
      describeCase(`${mode}, PAGEWALK_SEED=0x${machineSeed.toString(16)}: 0x${gva.toString(16)}`, flags, processor, {
        ...nothingKnown,
      });
    hypercallByBoth(flags, gva, processor, tables.memory, nothingKnown, explain);
  }
}

function describeCase(what: string, flags: bigint, processor: ReferenceProcessor, pages: ReferencePages): string {
  const names = Object.entries(hypercallFlags).filter(([, flag]) => (flags & flag) !== 0n);
  const show = (value: unknown) =>
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part));
  return [
    recipe,
    `${what}, flags ${names.map(([name]) => name).join(' ')}, CPL ${processor.cpl}`,
    show(processor.machine),
    show(pages),
    '',
  ].join('\n');
}
