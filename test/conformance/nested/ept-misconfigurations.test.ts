import { expect } from 'chai';
import { createContext, translateNested } from '../../../src/paging/index.ts';
import { eptOf } from '../../support/builders/hand-made-stages.ts';
import { nestedContextOf } from '../../support/judge/walker-stages.ts';
import type { ReferenceNestedTranslation } from '../../support/reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../../support/reference/reference-nested-walker.ts';
import { EntryMemory, type EntryUse, entryUses } from './ept-entry-cases.ts';
import { type EntryVerdict, type MisconfigurationRow, misconfigurations } from './ept-misconfigurations.ts';

/** The table judges both walkers, each by itself. */
describe('what an EPT entry may not be', () => {
  for (const row of misconfigurations) {
    it(`${row.rule} (level ${row.levels.join(', ')}): ${row.is}`, () => {
      for (const level of row.levels) {
        for (const entry of row.entries) {
          // What an entry is does not depend on who comes by.
          const seen = new Set(entryUses.flatMap((use) => verdictsOf(row, level, entry, use)));
          expect([...seen], `0x${entry.toString(16)} at level ${level}`).to.deep.equal([row.is]);
        }
      }
    });
  }
});

function verdictsOf(row: MisconfigurationRow, level: number, entry: bigint, use: EntryUse): EntryVerdict[] {
  const length = level === 5 ? 5 : 4;
  const memory = new EntryMemory(level, length, use);
  memory.set(entry);
  const flags = row.flagged ? 0xc0n : 0n;
  const capabilities = { ...row.capabilities, ...(row.flagged ? { supervisorShadowStack: true } : {}) };
  const ept = eptOf(capabilities, 0x1_0006n | flags | (BigInt(length - 1) << 3n));
  const guest = createContext(use.guest.registers, use.guest.processor);
  return [
    verdictOf(translateNested(guest, nestedContextOf(ept), memory, use.linear, use.access), level),
    verdictOf(referenceTranslateNested(use.guest, ept, memory, use.linear, use.access), level),
  ];
}

function verdictOf(translation: ReferenceNestedTranslation, level: number): EntryVerdict {
  if (translation.kind !== 'nested-fault' || translation.cause === 'privilege-violation') {
    return 'fine';
  }
  const { cause, responsible, exitQualification } = translation;
  expect(responsible?.level, 'the level of the entry to blame').to.equal(level);
  expect(cause).to.be.oneOf(['not-present', 'misconfiguration']);
  const isViolation = cause === 'not-present';
  expect(exitQualification !== null, 'a violation has a qualification, a misconfiguration none').to.equal(isViolation);
  return isViolation ? 'not-present' : 'misconfiguration';
}
