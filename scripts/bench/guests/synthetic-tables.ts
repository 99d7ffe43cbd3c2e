import { Random } from './random.ts';

const TABLE_BYTES = 4096;
const ENTRIES = 512;
/** P, R/W and U/S. */
const TABLE_BITS = 0x7;
const TWO_32 = 2 ** 32;

/** 4-level page tables that map 4 KB pages and nothing else, alone in a buffer that begins at physical address 0. */
export interface SyntheticTables {
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Physical address of the PML4. */
  readonly root: number;
  /** Pages from linear address 0 on, without a hole. */
  readonly pages: number;
}

/**
 * Builds the tables of an address space from 0 on. Tables lie in a random order, as a system that has run for a while has them:
 * nothing can be fetched before its turn.
 *
 * @param pageTables - number of page tables; each maps 2 MB
 */
export function buildTables(pageTables: number): SyntheticTables {
  const counts = [pageTables];
  for (let above = pageTables; above > 1 || counts.length < 4; ) {
    above = Math.ceil(above / ENTRIES);
    counts.push(above);
  }
  const frames = new Float64Array(counts.reduce((sum, count) => sum + count)).map((_, at) => at * TABLE_BYTES);
  const random = new Random(1);
  random.shuffle(frames);
  const memory = new Uint8Array(frames.length * TABLE_BYTES);
  const words = new Int32Array(memory.buffer);
  let below = frames.subarray(0, pageTables);
  let used = pageTables;
  fillPageTables(words, below, random);
  for (const count of counts.slice(1)) {
    const tables = frames.subarray(used, used + count);
    below.forEach((frame, at) => {
      putEntry(words, (tables[Math.floor(at / ENTRIES)] ?? 0) + (at % ENTRIES) * 8, frame);
    });
    below = tables;
    used += count;
  }
  return { memory, root: below[0] ?? 0, pages: pageTables * ENTRIES };
}

/** Where the pages lie does not matter, as they are not looked at: somewhere below 1 TB. */
function fillPageTables(words: Int32Array, tables: Float64Array, random: Random): void {
  for (const table of tables) {
    for (let index = 0; index < ENTRIES; index += 1) {
      putEntry(words, table + index * 8, random.below(2 ** 28) * TABLE_BYTES);
    }
  }
}

function putEntry(words: Int32Array, address: number, target: number): void {
  words[address / 4] = target | TABLE_BITS;
  words[address / 4 + 1] = target / TWO_32;
}

/** Linear addresses as little-endian 64-bit numbers: halves at 2n and 2n + 1. */
export type AddressList = Int32Array<ArrayBuffer>;

/** @param pageOf - the page of the nth address */
function listAddresses(count: number, pageOf: (at: number) => number): AddressList {
  const list = new Int32Array(2 * count);
  for (let at = 0; at < count; at += 1) {
    const address = pageOf(at) * TABLE_BYTES + (at % TABLE_BYTES);
    list[2 * at] = address | 0;
    list[2 * at + 1] = address / TWO_32;
  }
  return list;
}

/** Random addresses of an address space. */
export function randomAddresses({ pages }: SyntheticTables, count: number): AddressList {
  const random = new Random(2);
  return listAddresses(count, () => random.below(pages));
}

/** One address in each page, upwards. */
export function sequentialAddresses({ pages }: SyntheticTables): AddressList {
  return listAddresses(pages, (at) => at);
}
