import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { MemoryMap } from '../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../src/guest/memory/page-cache.ts';
import type { PhysicalMemory } from '../../src/guest/memory/physical-memory.ts';
import { halvesOf, walkMany } from '../../src/guest/walks/walk-many.ts';
import { createContext, encodeAccess, toTranslation } from '../../src/paging/internal.ts';
import type { SparseMemory } from '../support/builders/sparse-memory.ts';
import { region } from '../support/fakes/region.ts';
import { describeTranslation, hex } from '../support/judge/describe-translation.ts';
import { howMany } from '../support/random/how-many.ts';
import { Random } from '../support/random/random.ts';
import { randomAccess, randomMachine } from '../support/random/random-machine.ts';
import { randomTables } from '../support/random/random-tables.ts';
import type { ReferenceMode } from '../support/reference/reference-translation.ts';
import { referenceTranslate } from '../support/reference/reference-walker.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const BATCHES = howMany({ daily: 100, thorough: 400 });
const ADDRESSES = 300;
/** Somewhere else in what one table of the last level maps. */
const NEARBY = 0x20_0000;

const modes: readonly ReferenceMode[] = ['4-level', '5-level', 'pae', '32-bit', 'off'];

function physicalMemory(memory: SparseMemory): PhysicalMemory {
  return {
    read: async (pieces) =>
      pieces.map(({ address, lengthBytes }) => {
        const bytes = new Uint8Array(lengthBytes);
        const view = new DataView(bytes.buffer);
        for (let at = 0; at < lengthBytes; at += 8) view.setBigUint64(at, memory.peek(BigInt(address + at), 8), true);
        return bytes;
      }),
  };
}

function mapOf(memory: SparseMemory): MemoryMap {
  const pages = [...memory.pageAddresses].sort((one, other) => (one < other ? -1 : 1));
  return new MemoryMap(pages.map((first) => region('ram', first, first + 4095n, `page ${hex(first)}`)));
}

describe('batches of random addresses against the reference walker', function () {
  this.timeout(0);

  for (const mode of modes) {
    it(`agree in every fact, though most walks begin at a table that another came to (${mode}, seed ${hex(BigInt(seed))})`, async () => {
      for (let batch = 0; batch < BATCHES / modes.length; batch += 1) {
        const random = new Random((seed + batch) >>> 0);
        const machine = randomMachine(random, mode);
        const tables = randomTables(random, machine, mode);
        Object.assign(machine.registers, tables.registers);
        const context = createContext(machine.registers, machine.processor);
        const known = Array.from({ length: 6 }, () => tables.linearAddress(random));
        const questions = Array.from({ length: ADDRESSES }, () => {
          const address = random.chance(80) ? random.pick(known) : tables.linearAddress(random);
          return { linear: address ^ BigInt(random.below(NEARBY)), access: randomAccess(random, machine) };
        });
        const cache = new PageCache(physicalMemory(tables.memory), mapOf(tables.memory));
        const answers: string[] = [];
        const columns = {
          halves: halvesOf(BigUint64Array.from(questions, ({ linear }) => linear)),
          accesses: Uint16Array.from(questions, ({ access }) => encodeAccess(access)),
        };
        await walkMany(context, columns, cache, (index, walk) => {
          answers[index] = describeTranslation(toTranslation(walk));
        });
        questions.forEach(({ linear, access }, at) => {
          const expected = describeTranslation(referenceTranslate(machine, tables.memory, linear, access));
          if (answers[at] !== expected) expect(answers[at], `batch ${batch}, ${hex(linear)}`).to.equal(expected);
        });
        expect(cache.flights, `batch ${batch}`).to.be.at.most(context.levels.length);
      }
    });
  }
});
