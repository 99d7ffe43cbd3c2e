import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { loadTables } from '../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../src/guest/memory/page-cache.ts';
import { TranslationTable } from '../../../src/guest/walks/translation-table.ts';
import { halvesOf } from '../../../src/guest/walks/walk-many.ts';
import { walkManyNested } from '../../../src/guest/walks/walk-many-nested.ts';
import {
  type Alias,
  canonicalAddress,
  changedNestedRanges,
  encodeAccess,
  enumerateLeaves,
  enumerateRanges,
  findAliases,
  linearPageOf,
  type MappedLeaf,
  type MappedRange,
  type NestedContext,
  type PagingContext,
} from '../../../src/paging/internal.ts';
import { memoryOfPages } from '../../support/fakes/memory-of-pages.ts';
import { pageSourceOf } from '../../support/fakes/page-source.ts';
import { hex } from '../../support/judge/describe-translation.ts';
import { contextsOf } from '../../support/judge/walker-stages.ts';
import { howMany } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import { randomAccess } from '../../support/random/random-machine.ts';
import { type RandomStages, randomStages } from '../../support/random/random-stages.ts';
import { runSeeds } from '../../support/random/run-seeds.ts';
import { accessOf, controlBits } from '../../support/reference/reference-machine.ts';
import type { ReferenceNestedTranslation } from '../../support/reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../../support/reference/reference-nested-walker.ts';
import type { ReferenceAccess, ReferenceMachine } from '../../support/reference/reference-translation.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_SPACES: chosenSpaces } = process.env;
const firstSeed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const spaceCount = Number(chosenSpaces ?? howMany({ daily: 25, thorough: 220 }));
/** With fewer no page size is counted on. */
const enoughSpaces = 220;
/** Tables that lead in circles map as much as one likes: of more leaves only the first are looked at. */
const MAX_LEAVES = 3000;
const MEGABYTE = 0x10_0000;

/** An address space behind a second stage, and what the enumeration makes of it. */
interface Space {
  readonly stages: RandomStages;
  readonly context: PagingContext;
  readonly nested: NestedContext;
  readonly leaves: readonly MappedLeaf[];
  /** The last page that was enumerated. */
  readonly lastPage: number;
}

/** A supervisor who may do in the guest whatever the pages allow, and who has addresses taken as they are. */
function seeing(machine: ReferenceMachine): void {
  const { smep, smap, lass, pke, pks, lamSup } = controlBits.cr4;
  const { lamU48, lamU57 } = controlBits.cr3;
  const { registers } = machine;
  registers.cr0 |= controlBits.cr0.wp;
  registers.cr3 &= ~(lamU48 | lamU57);
  registers.cr4 &= ~(smep | smap | lass | pke | pks | lamSup);
  registers.efer &= ~controlBits.efer.uaie;
}

function makeSpace(random: Random, seed: number): Space {
  const stages = randomStages(random, seed);
  seeing(stages.guest);
  // With the guest mode execute trap supervisors may not do whatever a page allows.
  if (stages.nested.kind === 'npt') stages.nested.gmet = false;
  const { guest: context, nested } = contextsOf(stages.guest, stages.nested);
  const leaves: MappedLeaf[] = [];
  enumerateLeaves(context, pageSourceOf(stages.memory), (leaf) => leaves.push(leaf) < MAX_LEAVES, { nested });
  const end = leaves.at(-1);
  const lastPage =
    leaves.length < MAX_LEAVES || end === undefined
      ? 2 ** (context.linearBits - 12) - 1
      : linearPageOf(context, end.address) + end.sizeBytes / 4096 - 1;
  return { stages, context, nested, leaves, lastPage };
}

function judge({ stages }: Space, linear: bigint, access: ReferenceAccess): ReferenceNestedTranslation {
  return referenceTranslateNested(stages.guest, stages.nested, stages.memory, linear, access);
}

/** All that is known of a page, by what a supervisor may do there: read, write, fetch. */
function judged(space: Space, page: number): string {
  const linear = canonicalAddress(space.context, page);
  const outcomes = ['', 'w', 'x'].map((letters) => judge(space, linear, accessOf(letters)));
  const [found] = outcomes.flatMap((outcome) => (outcome.kind === 'mapped' ? [outcome] : []));
  if (found === undefined) return 'not mapped';
  const [read, write, exec] = outcomes.map(({ kind }) => kind === 'mapped');
  const { guest } = found;
  const leaf = guest.steps.at(-1)?.value ?? 0n;
  const isFolded = space.stages.guest.registers.a20 === false && (guest.pageSizeBytes ?? 2 ** 32) > MEGABYTE;
  return describe1({
    read,
    write,
    user: guest.rights.user,
    exec,
    key: guest.protectionKey,
    global: guest.pageSizeBytes !== null && (leaf & 0x100n) !== 0n,
    accessed: (leaf & 0x20n) !== 0n,
    dirty: (leaf & 0x40n) !== 0n,
    // What is left of a large page when A20 folds it is no page of its own.
    size: isFolded ? 4096 : found.pageSizeBytes,
    physical: hex(found.l1PhysicalAddress),
  });
}

const describe1 = (facts: object): string => Object.values(facts).map(String).join(' ');

function said({ context }: Space, { rights, ...leaf }: MappedLeaf, page: number): string {
  const offset = BigInt(page - linearPageOf(context, leaf.address)) << 12n;
  return describe1({
    read: rights.read ?? true,
    write: rights.write,
    user: rights.user,
    exec: rights.exec,
    key: leaf.protectionKey,
    global: leaf.global,
    accessed: leaf.accessed,
    dirty: leaf.dirty,
    size: leaf.sizeBytes,
    physical: hex(leaf.physicalAddress + offset),
  });
}

/** Pages at which something may change: the first and last of every leaf, their neighbours, and any. */
function pagesToAsk({ context, leaves, lastPage, stages }: Space, random: Random): readonly number[] {
  const some = leaves.length <= 600 ? leaves : Array.from({ length: 600 }, () => random.pick(leaves));
  const edges = some.flatMap(({ address, sizeBytes }) => {
    const first = linearPageOf(context, address);
    const last = first + sizeBytes / 4096 - 1;
    return [first - 1, first, first + random.below(sizeBytes / 4096), last, last + 1];
  });
  const anywhere = Array.from({ length: 200 }, () => linearPageOf(context, stages.question(random).linear));
  const all = [...edges, ...anywhere, 0, lastPage, Math.floor(lastPage / 2), Math.floor(lastPage / 2) + 1];
  return [...new Set(all.filter((page) => page >= 0 && page <= lastPage))].sort((one, other) => one - other);
}

function expectLeaves(space: Space, pages: readonly number[], count: (what: string) => void): void {
  const { context, nested, leaves, stages } = space;
  if (context.mode === 'off' && nested.stage.mode === 'off') {
    expect(leaves, 'where nothing pages there are no pages').to.deep.equal([]);
    return;
  }
  const starts = leaves.map(({ address }) => linearPageOf(context, address));
  let at = 0;
  const wrong = pages.flatMap((page) => {
    while (at + 1 < leaves.length && (starts[at + 1] as number) <= page) at += 1;
    const leaf = leaves[at];
    const start = starts[at] as number;
    const isIn = leaf !== undefined && start <= page && page < start + leaf.sizeBytes / 4096;
    const actual = isIn ? said(space, leaf, page) : 'not mapped';
    const expected = judged(space, page);
    if (isIn) count(`${stages.nested.kind} ${leaf.sizeBytes}`);
    if (isIn && leaf.rights.read === false) count('not readable');
    return actual === expected ? [] : [`${hex(canonicalAddress(context, page))}: ${actual} instead of ${expected}`];
  });
  expect(wrong.join('\n')).to.equal('');
}

const sameRange = (one: MappedLeaf, other: MappedLeaf): boolean =>
  describe1([...Object.entries(one.rights).sort().flat(), one.protectionKey, one.global]) ===
  describe1([...Object.entries(other.rights).sort().flat(), other.protectionKey, other.global]);

/** The ranges are the leaves, put together where they follow each other with the same rights. */
function expectRanges({ context, nested, stages, leaves, lastPage }: Space): void {
  const ranges: string[] = [];
  const half = context.linearBits === 32 ? -1 : 2 ** (context.linearBits - 13);
  enumerateRanges(context, pageSourceOf(stages.memory), (range) => ranges.push(describeRange(range)) > 0, {
    nested,
    lastPage,
  });
  const expected: string[] = [];
  for (let at = 0; at < leaves.length; ) {
    const inside: MappedLeaf[] = [];
    for (let leaf = leaves[at]; leaf !== undefined; leaf = leaves[at]) {
      const previous = inside.at(-1);
      const start = linearPageOf(context, leaf.address);
      const follows = previous && linearPageOf(context, previous.address) + previous.sizeBytes / 4096 === start;
      if (previous && !(follows && start !== half && sameRange(previous, leaf))) break;
      inside.push(leaf);
      at += 1;
    }
    expected.push(describeLeaves(inside));
  }
  expect(ranges).to.deep.equal(expected);
}

function describeRange(range: MappedRange): string {
  const { first, last, leaves, leafCount, accessed, dirty, physicalFirst, physicalPieces } = range;
  const { physicalLowest, physicalHighest } = range;
  const physical = [physicalFirst, physicalLowest, physicalHighest].map(hex).join();
  return `${hex(first)}-${hex(last)} ${JSON.stringify(leaves)} ${leafCount} ${accessed} ${dirty} ${physical} ${physicalPieces}`;
}

function describeLeaves(inside: readonly MappedLeaf[]): string {
  const [one] = inside;
  const end = inside.at(-1);
  if (one === undefined || end === undefined) throw new Error('a range has leaves');
  const counts: Record<number, number> = {};
  const pieces: { first: bigint; last: bigint }[] = [];
  for (const { sizeBytes, physicalAddress: first } of inside) {
    counts[sizeBytes] = (counts[sizeBytes] ?? 0) + 1;
    const last = first + BigInt(sizeBytes) - 1n;
    const previous = pieces.at(-1);
    if (previous?.last === first - 1n) previous.last = last;
    else pieces.push({ first, last });
  }
  const physical = [
    one.physicalAddress,
    pieces.reduce((low, { first }) => (first < low ? first : low), 1n << 52n),
    pieces.reduce((high, { last }) => (last > high ? last : high), 0n),
  ].map(hex);
  const used = (name: 'accessed' | 'dirty') => inside.filter((leaf) => leaf[name]).length;
  const last = end.address + BigInt(end.sizeBytes) - 1n;
  return `${hex(one.address)}-${hex(last)} ${JSON.stringify(counts)} ${inside.length} ${used('accessed')} ${used('dirty')} ${physical.join()} ${pieces.length}`;
}

/** Every address that leads to some of a leaf's memory, and no other, as often as leaves lead there. */
function expectAliases(space: Space, random: Random): void {
  const { context, nested, stages, leaves, lastPage } = space;
  const target = random.pick(leaves);
  const first = target.physicalAddress + BigInt(random.below(target.sizeBytes));
  const last = first + BigInt(random.pick([0, 1, 4095, 4096, 0x20_0000, 0x80_0000]));
  const found: Alias[] = [];
  const options = { nested, lastPage };
  findAliases(context, pageSourceOf(stages.memory), { first, last }, (alias) => found.push(alias) > 0, options);
  const expected = leaves.filter(
    (leaf) => leaf.physicalAddress <= last && leaf.physicalAddress + BigInt(leaf.sizeBytes) > first,
  );
  const overlap = ({ physicalAddress, sizeBytes }: MappedLeaf): bigint => {
    const end = physicalAddress + BigInt(sizeBytes) - 1n;
    return (end < last ? end : last) - (physicalAddress > first ? physicalAddress : first) + 1n;
  };
  const total = (sizes: readonly bigint[]): string => hex(sizes.reduce((sum, size) => sum + size, 0n));
  expect(total(found.map((alias) => alias.last - alias.first + 1n))).to.equal(total(expected.map(overlap)));
  expect(found.reduce((sum, alias) => sum + alias.leaves, 0)).to.equal(expected.length);
  for (const alias of found) {
    for (const offset of [0n, (alias.last - alias.first) / 2n, alias.last - alias.first]) {
      const page = linearPageOf(context, alias.first + offset);
      const { physicalFirst, pageSizeBytes, leaves: _, ...rest } = alias;
      const sizeBytes = pageSizeBytes ?? 0;
      const physicalAddress = (physicalFirst + offset) & ~0xfffn;
      const { accessed, dirty } = leafAt(space, page);
      const leaf = { ...rest, address: canonicalAddress(context, page), physicalAddress, sizeBytes, accessed, dirty };
      expect(said(space, leaf, page), hex(alias.first + offset)).to.equal(judged(space, page));
    }
  }
}

/** An alias counts A and D over its leaves: of one they are the leaf's own. */
function leafAt({ context, leaves }: Space, page: number): MappedLeaf {
  const found = leaves.find(({ address, sizeBytes }) => {
    const first = linearPageOf(context, address);
    return first <= page && page < first + sizeBytes / 4096;
  });
  if (found === undefined) throw new Error(`no leaf has page 0x${page.toString(16)}`);
  return found;
}

/** A part of the space is the leaves that overlap it, and windows of a few, one after the other, are the whole. */
function expectParts({ context, nested, stages, leaves, lastPage }: Space, random: Random): void {
  const pageOf = pageSourceOf(stages.memory);
  const pick = (): number => {
    const page = linearPageOf(context, random.pick(leaves).address);
    return Math.min(lastPage, page + random.below(1024));
  };
  const [firstPage, last] = [pick(), pick()].sort((one, other) => one - other) as [number, number];
  const part: string[] = [];
  enumerateLeaves(context, pageOf, ({ address }) => part.push(hex(address)) > 0, { firstPage, lastPage: last, nested });
  const expected = leaves.filter(({ address, sizeBytes }) => {
    const first = linearPageOf(context, address);
    return first <= last && first + sizeBytes / 4096 > firstPage;
  });
  expect(part).to.deep.equal(expected.map(({ address }) => hex(address)));
  const windows: string[] = [];
  for (let from = 0; windows.length < Math.min(leaves.length, 50); ) {
    const end: MappedLeaf[] = [];
    enumerateLeaves(context, pageOf, (leaf) => end.push(leaf) < 3, { firstPage: from, lastPage, nested });
    windows.push(...end.map(({ address }) => hex(address)));
    const [final] = end.slice(-1);
    if (final === undefined) break;
    from = linearPageOf(context, final.address) + final.sizeBytes / 4096;
  }
  expect(windows).to.deep.equal(leaves.slice(0, windows.length).map(({ address }) => hex(address)));
}

/** Loading fetches every table that there is to be seen. */
async function expectLoaded({ context, nested, stages, leaves, lastPage }: Space): Promise<void> {
  const { map, memory } = memoryOfPages(stages.memory);
  const cache = new PageCache(memory, map);
  expect(await loadTables(context, nested, cache, {})).to.equal(true);
  const found: string[] = [];
  const pageOf = (page: number): Int32Array | null => cache.words(page) ?? null;
  const options = { nested, lastPage };
  enumerateLeaves(context, pageOf, (leaf) => found.push(describeLeaf(leaf)) < MAX_LEAVES, options);
  expect(found).to.deep.equal(leaves.map(describeLeaf));
}

const describeLeaf = ({ rights, ...leaf }: MappedLeaf): string =>
  describe1({ ...rights, ...leaf, address: hex(leaf.address), physicalAddress: hex(leaf.physicalAddress) });

async function expectMany(space: Space, random: Random): Promise<void> {
  const { context, nested, stages } = space;
  const { map, memory } = memoryOfPages(stages.memory);
  const access = randomAccess(random, stages.guest);
  const addresses = BigUint64Array.from({ length: 150 }, () => stages.question(random).linear);
  const table = new TranslationTable(addresses.length, context, true);
  const columns = {
    halves: halvesOf(addresses),
    accesses: new Uint16Array(addresses.length).fill(encodeAccess(access)),
  };
  const cache = new PageCache(memory, map);
  await walkManyNested(context, nested, columns, cache, (index, walk) => table.setNested(index, walk));
  addresses.forEach((linear, at) => {
    const where = `${hex(linear)} ${JSON.stringify(access)}`;
    expect(describeRow(table, at), where).to.equal(describeAnswer(judge(space, linear, access)));
  });
}

const orNone = (value: bigint | null): string => (value === null ? 'none' : hex(value));

function describeRow(table: TranslationTable, at: number): string {
  const { physicalAddress, l1PhysicalAddress, responsibleAddress, refusedPageAddress } = table.at(at);
  const places = [physicalAddress, l1PhysicalAddress, responsibleAddress, refusedPageAddress].map(orNone);
  const rights = JSON.stringify(table.rights(at));
  return `${places} ${rights} ${table.pageSizeBytes(at)} ${table.cause(at)} ${table.errorCode(at)}`;
}

/** In the guest's own terms: what the second stage refuses is memory that is not there. */
function describeAnswer(answer: ReferenceNestedTranslation): string {
  if (answer.kind === 'mapped') {
    const { write, user, exec } = answer.guest.rights;
    const places = [answer.l2PhysicalAddress, answer.l1PhysicalAddress, null, null].map(orNone);
    return `${places} ${JSON.stringify({ write, user, exec })} ${answer.guest.pageSizeBytes} null null`;
  }
  if (answer.kind === 'nested-fault') {
    // A page that the second stage refuses is no entry.
    const [entry, page] =
      answer.purpose === 'table' ? [answer.l2PhysicalAddress, null] : [null, answer.l2PhysicalAddress];
    return `${[null, null, entry, page].map(orNone)} null null unbacked-table null`;
  }
  const { cause, errorCode, responsible } = answer.guest;
  return `${[null, null, responsible?.address ?? null, null].map(orNone)} null null ${cause} ${errorCode}`;
}

/** Some entries of either stage change: outside of the ranges that are named every leaf is the same as before. */
function expectChanges({ context, nested, stages, leaves, lastPage }: Space, random: Random): void {
  const { memory } = stages;
  const before = { context, nested, pageOf: pageSourceOf(memory) };
  expect(changedNestedRanges(before, { context, nested, pageOf: pageSourceOf(memory) })).to.deep.equal([]);
  for (let change = random.below(4); change >= 0; change -= 1) changeEntry(stages, random);
  const pageOf = pageSourceOf(memory);
  const ranges = changedNestedRanges(
    before,
    { context, nested, pageOf },
    random.chance(20) ? random.below(6) : undefined,
  );
  ranges.forEach(({ firstPage, lastPage: end }, at) => {
    expect(firstPage).to.be.at.most(end);
    expect(firstPage).to.be.above(ranges[at - 1]?.lastPage ?? -1);
  });
  const isOutside = ({ address, sizeBytes }: MappedLeaf): boolean => {
    const first = linearPageOf(context, address);
    const last = first + sizeBytes / 4096 - 1;
    return last <= lastPage && !ranges.some((range) => first <= range.lastPage && last >= range.firstPage);
  };
  const now: MappedLeaf[] = [];
  const limit = MAX_LEAVES * 4;
  enumerateLeaves(context, pageOf, (leaf) => now.push(leaf) < limit, { nested, lastPage });
  const end = now.length < limit ? Number.POSITIVE_INFINITY : linearPageOf(context, now.at(-1)?.address ?? 0n);
  const untouched = (all: readonly MappedLeaf[]): readonly string[] =>
    all.filter((leaf) => linearPageOf(context, leaf.address) < end && isOutside(leaf)).map(describeLeaf);
  expect(untouched(now)).to.deep.equal(untouched(leaves));
}

function changeEntry({ memory }: RandomStages, random: Random): void {
  const size = 4;
  const page = random.pick(memory.pageAddresses);
  const filled = Array.from({ length: 4096 / size }, (_, index) => page + BigInt(index * size)).filter(
    (address) => memory.peek(address, size) !== 0n,
  );
  if (filled.length === 0) return;
  const address = random.pick(filled);
  memory.poke(address, size, memory.peek(address, size) ^ (1n << BigInt(random.below(random.chance(60) ? 8 : 32))));
}

describe('enumerations through two stages against the reference walker', function () {
  this.timeout(0);
  const reached = new Map<string, number>();
  const count = (what: string) => reached.set(what, (reached.get(what) ?? 0) + 1);

  it(`agree page by page (${spaceCount} address spaces)`, async () => {
    for (const { seed, isKnown } of runSeeds(spaceCount, firstSeed, enoughSpaces)) {
      const random = new Random(seed);
      const space = makeSpace(random, seed);
      try {
        expectLeaves(space, pagesToAsk(space, random), isKnown ? count : () => {});
        expectRanges(space);
        if (space.leaves.length > 0) expectParts(space, random);
        if (space.leaves.length > 0) expectAliases(space, random);
        await expectLoaded(space);
        await expectMany(space, random);
        expectChanges(space, random);
      } catch (error) {
        const recipe = `PAGEWALK_SEED=0x${seed.toString(16)} PAGEWALK_SPACES=1`;
        const { guestMode, format } = space.stages;
        (error as Error).message = `${guestMode} on ${format}, ${recipe}: ${(error as Error).message}`;
        throw error;
      }
    }
  });

  if (spaceCount >= enoughSpaces) {
    it('came upon every page size in both kinds of second stage, and upon pages that are only executed', () => {
      const sizes = [4096, 2 ** 21, 2 ** 30].flatMap((size) => [`npt ${size}`, `ept ${size}`]);
      for (const what of [...sizes, `npt ${2 ** 22}`, 'not readable']) {
        expect(reached.get(what) ?? 0, what).to.be.above(0);
      }
    });
  }
});
