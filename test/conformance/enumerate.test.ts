import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import {
  type Alias,
  canonicalAddress,
  changedRanges,
  createContext,
  enumerateLeaves,
  enumerateRanges,
  findAliases,
  linearPageOf,
  type MappedLeaf,
  type MappedRange,
  type PagingContext,
  type Rights,
} from '../../src/paging/internal.ts';
import { pageSourceOf } from '../support/fakes/page-source.ts';
import { hex } from '../support/judge/describe-translation.ts';
import { howMany } from '../support/random/how-many.ts';
import { Random } from '../support/random/random.ts';
import { randomMachine } from '../support/random/random-machine.ts';
import { type RandomTables, randomTables } from '../support/random/random-tables.ts';
import { runSeeds } from '../support/random/run-seeds.ts';
import { accessOf, controlBits } from '../support/reference/reference-machine.ts';
import type { ReferenceMachine, ReferenceMapped, ReferenceMode } from '../support/reference/reference-translation.ts';
import { referenceTranslate } from '../support/reference/reference-walker.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_SPACES: chosenSpaces } = process.env;
const firstSeed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const spaceCount = Number(chosenSpaces ?? howMany({ daily: 40, thorough: 300 }));
/** With fewer no page size is counted on. */
const enoughSpaces = 300;
const modes: readonly ReferenceMode[] = ['4-level', '5-level', 'pae', '32-bit'];
const pageBytes = 4096n;

/** An address space, the enumerations under test, and the judge. */
interface Space {
  readonly context: PagingContext;
  readonly tables: RandomTables;
  readonly machine: ReferenceMachine;
  readonly ranges: readonly MappedRange[];
  readonly leaves: readonly MappedLeaf[];
  /** The last page of the address space. */
  readonly lastPage: number;
  lookUp(page: number): ReferenceMapped | null;
}

/**
 * One whose supervisor may read whatever is mapped: what the walker then refuses is not there. Addresses are taken as they are:
 * LAM would cut an address of 57 bits down to 48.
 */
function seeingMachine(random: Random, mode: ReferenceMode): ReferenceMachine {
  const machine = randomMachine(random, mode);
  const { smap, lass, pke, pks, lamSup } = controlBits.cr4;
  const { cr4, efer } = machine.registers;
  return {
    ...machine,
    registers: {
      ...machine.registers,
      cr4: cr4 & ~(smap | lass | pke | pks | lamSup),
      efer: efer & ~controlBits.efer.uaie,
    },
  };
}

function makeSpace(random: Random, mode: ReferenceMode): Space {
  const machine = seeingMachine(random, mode);
  const tables = randomTables(random, machine, mode);
  const { lamU48, lamU57 } = controlBits.cr3;
  Object.assign(machine.registers, tables.registers, { cr3: tables.registers.cr3 & ~(lamU48 | lamU57) });
  const context = createContext(machine.registers, machine.processor);
  const ranges: MappedRange[] = [];
  const leaves: MappedLeaf[] = [];
  const pageOf = pageSourceOf(tables.memory);
  expect(enumerateRanges(context, pageOf, (range) => ranges.push(range) > 0).complete).to.equal(true);
  expect(enumerateLeaves(context, pageOf, (leaf) => leaves.push(leaf) > 0).complete).to.equal(true);
  const lookUp = (page: number): ReferenceMapped | null => {
    const found = referenceTranslate(machine, tables.memory, canonicalAddress(context, page), accessOf(''));
    return found.kind === 'mapped' ? found : null;
  };
  return { context, tables, machine, ranges, leaves, lookUp, lastPage: 2 ** (context.linearBits - 12) - 1 };
}

const pagesOf = (sizeBytes: number): number => sizeBytes / 4096;

/** What a range, a leaf and the judge say of a page's rights, in one form. */
function attributesOf(page: {
  readonly rights: Rights;
  readonly protectionKey: number | null;
  readonly global: boolean;
}): string {
  const { write, user, exec } = page.rights;
  return `${write ? 'w' : '-'}${user ? 'u' : '-'}${exec ? 'x' : '-'} key ${page.protectionKey} ${page.global ? 'G' : ''}`;
}

function judged(found: ReferenceMapped | null): string {
  if (found === null) return 'not mapped';
  const leaf = found.steps.at(-1)?.value ?? 0n;
  return attributesOf({ ...found, global: (leaf & 0x100n) !== 0n });
}

/** Pages at which something may change: the first and last of every leaf, their neighbours, and any. */
function pagesToAsk(space: Space, random: Random): readonly number[] {
  const { context, leaves, lastPage } = space;
  const edges = leaves.flatMap(({ address, sizeBytes }) => {
    const first = linearPageOf(context, address);
    const last = first + pagesOf(sizeBytes) - 1;
    return [first - 1, first, first + random.below(pagesOf(sizeBytes)), last, last + 1];
  });
  const anywhere = Array.from({ length: 100 }, () => linearPageOf(context, space.tables.linearAddress(random)));
  const all = [...edges, ...anywhere, 0, lastPage, Math.floor(lastPage / 2), Math.floor(lastPage / 2) + 1];
  return [...new Set(all.filter((page) => page >= 0 && page <= lastPage))];
}

function expectRanges({ context, ranges, lookUp }: Space, pages: readonly number[]): void {
  const placed = ranges.map((range) => ({
    range,
    first: linearPageOf(context, range.first),
    last: linearPageOf(context, range.last),
  }));
  const wrong = pages.flatMap((page) => {
    const found = placed.find(({ first, last }) => first <= page && page <= last);
    const said = found === undefined ? 'not mapped' : attributesOf(found.range);
    const expected = judged(lookUp(page));
    return said === expected ? [] : [`${hex(canonicalAddress(context, page))}: ${said} instead of ${expected}`];
  });
  expect(wrong).to.deep.equal([]);
}

/** Each leaf is the entry that the judge ends at, and every page of it leads to where the judge says. */
function expectLeaves({ context, leaves, lookUp, machine }: Space, random: Random): void {
  const a20 = (address: bigint): bigint => (machine.registers.a20 === false ? address & ~0x10_0000n : address);
  for (const leaf of leaves) {
    const first = linearPageOf(context, leaf.address);
    const offset = random.below(pagesOf(leaf.sizeBytes));
    const found = lookUp(first + offset);
    const entry = found?.steps.at(-1)?.value ?? 0n;
    // With A20 masked only the first megabyte of a large page is where the leaf says.
    const physical = a20(leaf.physicalAddress + BigInt(offset) * pageBytes);
    const facts = [leaf.sizeBytes, attributesOf(leaf), hex(physical), leaf.accessed, leaf.dirty];
    const expected = [
      found?.pageSizeBytes,
      judged(found),
      hex(found?.physicalAddress ?? 0n),
      (entry & 0x20n) !== 0n,
      (entry & 0x40n) !== 0n,
    ];
    expect(facts.join(' '), hex(leaf.address)).to.equal(expected.join(' '));
  }
}

/** The pieces of physical memory of the leaves of a range: neighbours in both are one. */
function piecesOf(leaves: readonly MappedLeaf[], a20Masked: boolean): { first: bigint; last: bigint }[] {
  const pieces: { first: bigint; last: bigint }[] = [];
  for (const { physicalAddress, sizeBytes } of leaves) {
    const step = a20Masked ? Math.min(sizeBytes, 0x10_0000) : sizeBytes;
    for (let offset = 0; offset < sizeBytes; offset += step) {
      const address = physicalAddress + BigInt(offset);
      const first = a20Masked ? address & ~0x10_0000n : address;
      const previous = pieces.at(-1);
      if (previous?.last === first - 1n) previous.last += BigInt(step);
      else pieces.push({ first, last: first + BigInt(step) - 1n });
    }
  }
  return pieces;
}

/** What a range says in sum is what its leaves say one by one. */
function expectSums({ context, ranges, leaves, machine }: Space): void {
  let at = 0;
  for (const range of ranges) {
    const inside: MappedLeaf[] = [];
    for (let leaf = leaves[at]; leaf !== undefined; leaf = leaves[at]) {
      if (linearPageOf(context, leaf.address) > linearPageOf(context, range.last)) break;
      inside.push(leaf);
      at += 1;
    }
    const pieces = piecesOf(inside, machine.registers.a20 === false);
    const sizes = [...new Set(inside.map(({ sizeBytes }) => sizeBytes))];
    const count = (wanted: (leaf: MappedLeaf) => boolean): number => inside.filter(wanted).length;
    const span = inside.reduce((sum, { sizeBytes }) => sum + BigInt(sizeBytes), 0n);
    expect(hex(range.last), 'the leaves leave no gap').to.equal(hex(range.first + span - 1n));
    const { contiguous, physicalPieces, accessed, dirty, classes } = range;
    const physical = [range.physicalFirst, range.physicalLowest, range.physicalHighest].map(hex);
    expect(
      { leaves: range.leaves, contiguous, physicalPieces, accessed, dirty, physical, classes },
      hex(range.first),
    ).to.deep.equal({
      leaves: Object.fromEntries(sizes.map((size) => [size, count(({ sizeBytes }) => sizeBytes === size)])),
      contiguous: pieces.length === 1,
      physicalPieces: pieces.length,
      accessed: count((leaf) => leaf.accessed),
      dirty: count((leaf) => leaf.dirty),
      physical: [
        pieces[0]?.first ?? 0n,
        pieces.reduce((low, { first }) => (first < low ? first : low), 1n << 52n),
        pieces.reduce((high, { last }) => (last > high ? last : high), 0n),
      ].map(hex),
      classes: 0,
    });
  }
  expect(at, 'every leaf lies in a range').to.equal(leaves.length);
}

/** Ranges that could be one are one, and none crosses the hole between the halves. */
function expectMaximal({ context, ranges, lastPage }: Space): void {
  const half = context.linearBits === 32 ? -1 : (lastPage + 1) / 2;
  ranges.forEach((range, at) => {
    const [first, last] = [linearPageOf(context, range.first), linearPageOf(context, range.last)];
    expect(first < half && last >= half, `${hex(range.first)} crosses the hole`).to.equal(false);
    const next = ranges[at + 1];
    if (next === undefined) return;
    const start = linearPageOf(context, next.first);
    expect(start, 'ascending').to.be.above(last);
    const isSeam = start === last + 1 && start !== half && attributesOf(range) === attributesOf(next);
    expect(isSeam, `${hex(range.last)} and ${hex(next.first)} are one range`).to.equal(false);
  });
}

function expectAliases({ context, tables, leaves, machine, lookUp }: Space, random: Random): void {
  const target = random.pick(leaves);
  if (machine.registers.a20 === false) return;
  const first = target.physicalAddress + BigInt(random.below(target.sizeBytes));
  const last = first + BigInt(random.pick([0, 1, 4095, 4096, 0x20_0000, 0x80_0000]));
  const found: Alias[] = [];
  const result = findAliases(context, pageSourceOf(tables.memory), { first, last }, (alias) => found.push(alias) > 0);
  expect(result.complete).to.equal(true);
  const expected = leaves.filter(
    ({ physicalAddress, sizeBytes }) => physicalAddress <= last && physicalAddress + BigInt(sizeBytes) > first,
  );
  const total = (sizes: readonly bigint[]): string => hex(sizes.reduce((sum, size) => sum + size, 0n));
  const overlap = ({ physicalAddress, sizeBytes }: MappedLeaf): bigint => {
    const end = physicalAddress + BigInt(sizeBytes) - 1n;
    return (end < last ? end : last) - (physicalAddress > first ? physicalAddress : first) + 1n;
  };
  expect(total(found.map((alias) => alias.last - alias.first + 1n))).to.equal(total(expected.map(overlap)));
  expect(found.reduce((sum, alias) => sum + alias.leaves, 0)).to.equal(expected.length);
  for (const alias of found) {
    for (const offset of [0n, (alias.last - alias.first) / 2n, alias.last - alias.first]) {
      const linear = alias.first + offset;
      const there = referenceTranslate(machine, tables.memory, linear, accessOf(''));
      expect(hex(there.kind === 'mapped' ? there.physicalAddress : 0n), hex(linear)).to.equal(
        hex(alias.physicalFirst + offset),
      );
      const page = lookUp(linearPageOf(context, linear));
      expect(`${alias.pageSizeBytes} ${attributesOf(alias)}`).to.equal(`${page?.pageSizeBytes} ${judged(page)}`);
    }
  }
}

/** A part of the space: the leaves that overlap it, and no others. */
function expectPart({ context, tables, leaves, lastPage }: Space, random: Random): void {
  const pick = (): number => linearPageOf(context, tables.linearAddress(random));
  const [firstPage, last] = [pick(), pick()].sort((one, other) => one - other) as [number, number];
  const range = { firstPage, lastPage: random.chance(20) ? lastPage : last };
  const part: string[] = [];
  enumerateLeaves(context, pageSourceOf(tables.memory), ({ address }) => part.push(hex(address)) > 0, range);
  const expected = leaves.filter(({ address, sizeBytes }) => {
    const first = linearPageOf(context, address);
    return first <= range.lastPage && first + pagesOf(sizeBytes) > range.firstPage;
  });
  expect(part).to.deep.equal(expected.map(({ address }) => hex(address)));
}

/** Windows of a few ranges, one after the other, are the whole. */
function expectWindows({ context, tables, ranges, leaves }: Space): void {
  const pageOf = pageSourceOf(tables.memory);
  const windows: string[] = [];
  for (let firstPage = 0; ; ) {
    let count = 0;
    let next = firstPage;
    const result = enumerateRanges(
      context,
      pageOf,
      ({ first, last }) => {
        windows.push(`${hex(first)}-${hex(last)}`);
        next = linearPageOf(context, last) + 1;
        count += 1;
        return count < 3;
      },
      { firstPage },
    );
    if (result.complete) break;
    firstPage = next;
  }
  expect(windows).to.deep.equal(ranges.map(({ first, last }) => `${hex(first)}-${hex(last)}`));
  const [first] = leaves;
  let told = 0;
  const ended = enumerateLeaves(context, pageOf, () => {
    told += 1;
    return false;
  });
  expect({ told, complete: ended.complete }).to.deep.equal({
    told: first === undefined ? 0 : 1,
    complete: first === undefined,
  });
}

const describeLeaf = (leaf: MappedLeaf): string =>
  `${hex(leaf.address)} ${leaf.sizeBytes} ${hex(leaf.physicalAddress)} ${attributesOf(leaf)} ${leaf.accessed} ${leaf.dirty}`;

/** Some entries change: outside of the ranges that are named every leaf is the same as before. */
function expectChanges(space: Space, random: Random): void {
  const { context, tables, leaves, lastPage } = space;
  const { memory } = tables;
  const before = { context, pageOf: pageSourceOf(memory) };
  expect(changedRanges(before, { context, pageOf: pageSourceOf(memory) })).to.deep.equal([]);
  for (let change = random.below(4); change >= 0; change -= 1) changeEntry(space, random);
  const after = { context, pageOf: pageSourceOf(memory) };
  const ranges = changedRanges(before, after, random.chance(20) ? random.below(6) : undefined);
  for (const { firstPage, lastPage: end } of ranges) {
    expect(firstPage).to.be.at.most(end);
    expect(end).to.be.at.most(lastPage);
  }
  const now: MappedLeaf[] = [];
  enumerateLeaves(context, after.pageOf, (leaf) => now.push(leaf) > 0);
  const isOutside = ({ address, sizeBytes }: MappedLeaf): boolean => {
    const first = linearPageOf(context, address);
    return !ranges.some((range) => first <= range.lastPage && first + pagesOf(sizeBytes) > range.firstPage);
  };
  const untouched = (all: readonly MappedLeaf[]): readonly string[] => all.filter(isOutside).map(describeLeaf);
  expect(untouched(now)).to.deep.equal(untouched(leaves));
}

function changeEntry({ tables, context }: Space, random: Random): void {
  const { memory } = tables;
  const size = context.mode === '32-bit' ? 4 : 8;
  const filled = memory.pageAddresses.flatMap((page) =>
    Array.from({ length: 4096 / size }, (_, index) => page + BigInt(index * size)).filter(
      (address) => memory.peek(address, size) !== 0n,
    ),
  );
  const address = random.pick(filled);
  const bit = 1n << BigInt(random.chance(60) ? random.below(8) : random.below(size * 8));
  memory.poke(address, size, memory.peek(address, size) ^ bit);
}

describe('enumerations of random tables against the reference walker', function () {
  this.timeout(0);
  const reached = new Map<string, number>();

  it(`agree page by page (${spaceCount} address spaces)`, () => {
    for (const { seed, isKnown } of runSeeds(spaceCount, firstSeed, enoughSpaces)) {
      const random = new Random(seed);
      const mode = random.pick(modes);
      const space = makeSpace(random, mode);
      try {
        expectRanges(space, pagesToAsk(space, random));
        expectLeaves(space, random);
        expectSums(space);
        expectMaximal(space);
        expectPart(space, random);
        expectWindows(space);
        if (space.leaves.length > 0) expectAliases(space, random);
        expectChanges(space, random);
      } catch (error) {
        const recipe = `PAGEWALK_SEED=0x${seed.toString(16)} PAGEWALK_SPACES=1`;
        (error as Error).message = `${mode}, ${recipe}: ${(error as Error).message}`;
        throw error;
      }
      if (!isKnown) continue;
      for (const { sizeBytes } of space.leaves) {
        reached.set(`${mode} ${sizeBytes}`, (reached.get(`${mode} ${sizeBytes}`) ?? 0) + 1);
      }
    }
  });

  if (spaceCount >= enoughSpaces) {
    it('came upon every page size in every mode', () => {
      const sizes = ['4-level', '5-level'].flatMap((mode) => [`${mode} 4096`, `${mode} 2097152`, `${mode} 1073741824`]);
      for (const size of [...sizes, 'pae 4096', 'pae 2097152', '32-bit 4096', '32-bit 4194304']) {
        expect(reached.get(size) ?? 0, size).to.be.above(0);
      }
    });
  }
});
