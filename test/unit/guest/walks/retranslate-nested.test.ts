import { expect } from 'chai';
import { isSameNestedOutcome } from '../../../../src/guest/walks/retranslate-nested.ts';
import { type NestedTranslation, translateNested } from '../../../../src/paging/index.ts';
import {
  guestEntry,
  nestedEntry,
  nptOf,
  openNpt,
  stages,
  twoStageLinear,
} from '../../../support/builders/hand-made-stages.ts';
import { contextsOf } from '../../../support/judge/walker-stages.ts';
import { machineIn } from '../../../support/reference/reference-machine.ts';

const WRITE = { write: true, user: false, exec: false };

function answer(changes: Readonly<Record<string, bigint>> = {}): NestedTranslation {
  const { guest, nested } = contextsOf(machineIn('4-level', { vendor: 'amd' }), nptOf());
  return translateNested(guest, nested, stages(openNpt, changes), twoStageLinear, WRITE);
}

/** What no two machines may differ in, by the kind of the answer. */
const cases: readonly (readonly [string, NestedTranslation, readonly object[]])[] = [
  ['a mapped address', answer(), [{ l1PhysicalAddress: 1n }, { l2PhysicalAddress: 1n }]],
  [
    'a page that the second stage refuses',
    answer({ [nestedEntry.ofData]: 0n }),
    [
      { purpose: 'table' },
      { cause: 'reserved-bits' },
      { l2PhysicalAddress: 1n },
      { exitInfo1: 1n },
      { exitQualification: 1n },
      { responsible: { level: 1, address: 1n } },
      { responsible: null },
    ],
  ],
];

describe('isSameNestedOutcome', () => {
  for (const [name, one, changes] of cases) {
    it(`sees each fact of ${name}`, () => {
      expect(isSameNestedOutcome(one, { ...one })).to.equal(true);
      for (const change of changes) {
        const other = { ...one, ...change } as NestedTranslation;
        expect(isSameNestedOutcome(one, other), Object.keys(change).join()).to.equal(false);
        expect(isSameNestedOutcome(other, one), Object.keys(change).join()).to.equal(false);
      }
    });
  }

  it("sees the guest's own fault", () => {
    const fault = answer({ [guestEntry.pte]: 0n });
    const other = answer({ [guestEntry.pte]: 0x5065n });
    expect([fault.kind, other.kind]).to.deep.equal(['guest-fault', 'guest-fault']);
    expect(isSameNestedOutcome(fault, answer({ [guestEntry.pte]: 0n }))).to.equal(true);
    expect(isSameNestedOutcome(fault, other)).to.equal(false);
  });

  it('tells the kinds of answers from each other', () => {
    const all = [answer(), answer({ [guestEntry.pte]: 0n }), answer({ [nestedEntry.ofData]: 0n })];
    for (const [at, one] of all.entries()) {
      for (const [to, other] of all.entries()) expect(isSameNestedOutcome(one, other)).to.equal(at === to);
    }
  });
});
