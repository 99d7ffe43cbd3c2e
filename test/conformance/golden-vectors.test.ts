import { expect } from 'chai';
import { createContext, planBits, type Translation, translate } from '../../src/paging/index.ts';
import { TableBuilder } from '../support/builders/table-builder.ts';
import { accessOf, machineIn } from '../support/reference/reference-machine.ts';
import type { ReferenceTranslation } from '../support/reference/reference-translation.ts';
import { referenceTranslate } from '../support/reference/reference-walker.ts';
import { type GoldenVector, goldenAddress, goldenVectors } from './golden-vectors.ts';

describe('golden vectors', () => {
  for (const vector of goldenVectors) {
    const note = vector.deviation === undefined ? '' : ` [${vector.deviation}]`;
    it(`${vector.id} ${vector.mode}: ${vector.title}${note}`, () => {
      const { machine, tables, linear } = prepare(vector);
      const access = accessOf(vector.access);
      const context = createContext(machine.registers, machine.processor);
      const translation = translate(context, tables.memory, linear, access);
      expect(outcomeOf(translation), 'the walker').to.equal(vector.outcome);
      expect(outcomeOf(referenceTranslate(machine, tables.memory, linear, access)), 'the reference').to.equal(
        vector.outcome,
      );
      expectBits(vector, translation);
    });
  }
});

/** Maps the vector's page, and then spoils what the vector says. */
function prepare(vector: GoldenVector) {
  const isLong = vector.mode === '4-level' || vector.mode === '5-level';
  const mapped = isLong ? goldenAddress.long : goldenAddress.legacy;
  const tables = new TableBuilder(vector.mode);
  const { physical = 0x4000_0000n, options = {} } = vector.page ?? {};
  tables.map(mapped, physical, options);
  for (const edit of vector.edits ?? []) {
    tables.edit(mapped, edit.level, edit);
  }
  const cr3 = vector.root ?? tables.root;
  if (vector.root !== undefined) {
    moveRoot(tables, vector.root);
  }
  return { machine: machineIn(vector.mode, { ...vector.machine, cr3 }), tables, linear: vector.linear ?? mapped };
}

/** Copies the four PDPTEs elsewhere in their page and clears the old ones, so that a cut CR3 finds nothing. */
function moveRoot(tables: TableBuilder, root: bigint): void {
  for (let index = 3n; index >= 0n; index--) {
    tables.poke(root + index * 8n, tables.peek(tables.root + index * 8n));
    tables.poke(tables.root + index * 8n, 0n);
  }
}

function outcomeOf(translation: Translation | ReferenceTranslation): string {
  return translation.kind === 'mapped' ? 'ok' : `${translation.cause} ${translation.errorCode?.toString(16) ?? '-'}`;
}

/** Forced, A is set in what was passed; unforced, only if the access succeeds; D only then and only in the leaf. */
function expectBits(vector: GoldenVector, translation: Translation): void {
  const setDirty = vector.access.includes('w');
  const forced = planBits(translation, { setAccessed: true, setDirty, forceSetAccessed: true });
  const unforced = planBits(translation, { setAccessed: true, setDirty, forceSetAccessed: false });
  const levels = translation.steps.map((step) => step.level);
  const accessed = levels.map((level) => Number(forced.some((bits) => bits.level === level && bits.accessed)));
  const dirty = forced.filter((bits) => bits.dirty).map((bits) => bits.level);
  expect(accessed.join(''), 'A bits').to.equal(vector.accessed);
  expect(dirty, 'levels with D').to.deep.equal(vector.dirty === true ? levels.slice(-1) : []);
  expect(unforced, 'without force').to.deep.equal(translation.kind === 'mapped' ? forced : []);
}
