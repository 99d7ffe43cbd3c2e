import { expect } from 'chai';
import { changedNestedRanges, type NestedTablesAtOnce } from '../../../../src/paging/index.ts';
import { guestEntry, nestedEntry, nptOf, openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { contextsOf } from '../../../support/judge/walker-stages.ts';
import { machineIn } from '../../../support/reference/reference-machine.ts';

const { guest: context, nested } = contextsOf(machineIn('4-level', { vendor: 'amd' }), nptOf());
const PAGE = Number(twoStageLinear >> 12n);
/** The 512 pages of the PDE that leads there. */
const FIRST = PAGE - (PAGE % 512);

function moment(changes: Readonly<Record<string, bigint>> = {}): NestedTablesAtOnce {
  const pages = new Map<number, Int32Array>();
  for (const [address, value] of Object.entries({ ...openNpt, ...changes })) {
    const page = Math.floor(Number(address) / 4096);
    const words = pages.get(page) ?? new Int32Array(1024);
    pages.set(page, words);
    words[(Number(address) % 4096) / 4] = Number(BigInt.asIntN(32, value));
    words[(Number(address) % 4096) / 4 + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
  return { context, nested, pageOf: (page) => pages.get(page) ?? null };
}

function changes(
  before: Readonly<Record<string, bigint>>,
  after: Readonly<Record<string, bigint>>,
): readonly (readonly [number, number])[] {
  return changedNestedRanges(moment(before), moment(after)).map(({ firstPage, lastPage }) => [firstPage, lastPage]);
}

/** The guest's PTE so many pages from the one that leads to the data. */
function pteAt(distance: number): string {
  return `0x${(Number(guestEntry.pte) + 8 * distance).toString(16)}`;
}

describe('paging/changedNestedRanges', () => {
  it('finds nothing where nothing is otherwise', () => {
    expect(changes({}, {})).to.deep.equal([]);
  });

  it('finds what changed in the guest, and what changed below it', () => {
    expect(changes({}, { [guestEntry.pte]: 0x5065n })).to.deep.equal([[PAGE, PAGE]]);
    expect(changes({}, { [nestedEntry.ofData]: 0x2_6007n })).to.deep.equal([[PAGE, PAGE]]);
    // The page behind it, which the guest does not use.
    expect(changes({ '0x13030': 0x2_5007n }, { '0x13030': 0x2_6007n })).to.deep.equal([]);
  });

  it('keeps the longer of two ranges that begin alike or overlap: one stage changed a part of what the other did', () => {
    // A large page of the guest in place of its table, over guest-physical 0 to 0x1f_ffff; the second stage gives 0x5000 another page.
    const large = { [guestEntry.pde]: 0x0e7n };
    const other = { [guestEntry.pde]: 0x0e5n };
    for (const changed of ['0x13000', nestedEntry.ofData]) {
      expect(changes(large, { ...other, [changed]: 0x2_6007n })).to.deep.equal([[FIRST, FIRST + 511]]);
    }
  });

  it('makes one range of two that touch, and two of two that do not', () => {
    const table = { [pteAt(1)]: 0x6067n, [pteAt(3)]: 0x7067n, '0x13030': 0x2_5007n, '0x13038': 0x2_5007n };
    const neighbour = changes(table, { ...table, [pteAt(1)]: 0x6065n, [nestedEntry.ofData]: 0x2_6007n });
    expect(neighbour).to.deep.equal([[PAGE, PAGE + 1]]);
    const apart = changes(table, { ...table, [pteAt(3)]: 0x7065n, [nestedEntry.ofData]: 0x2_6007n });
    expect(apart).to.deep.equal([
      [PAGE, PAGE],
      [PAGE + 3, PAGE + 3],
    ]);
  });
});
