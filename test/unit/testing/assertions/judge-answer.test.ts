import { expect } from 'chai';
import {
  ExpectationError,
  expectAccessed,
  expectDirty,
  expectFault,
  expectMapped,
  QemuOptionError,
  type RightsText,
} from '../../../../src/testing/index.ts';
import { askSmall, DATA, NOTHING, ODD, smallGuest, TEXT, USER } from '../../../support/builders/small-guest.ts';

function messageOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    expect(error).to.be.instanceOf(ExpectationError);
    return (error as ExpectationError).message;
  }
  throw new Error('nothing was wrong');
}

describe('expectations of an answer', () => {
  it('hold where they are true', async () => {
    expectMapped(await askSmall(TEXT, { exec: true }), {
      rights: 'r-x-',
      physicalAddress: 0xa000n,
      pageSizeBytes: 4096,
    });
    expectMapped(await askSmall(DATA, { write: true }), { rights: 'rw--', accessed: true, dirty: true });
    expectMapped(await askSmall(ODD), { accessed: false, dirty: false });
    expectFault(await askSmall(TEXT, { write: true }), { fault: 'PRIVILEGE_VIOLATION', at: 'PTE', errorCode: 3 });
    expectFault(await askSmall(NOTHING), { fault: 'not-present', at: 'PT' });
    expectFault(await askSmall(0x8000_0000_0000_0000n), { fault: 'non-canonical' });
    expectFault(await askSmall(0x8000_0000_0000_0000n), { fault: 'INVALID_GVA' });
    expectAccessed(await askSmall(TEXT));
    expectDirty(await askSmall(DATA));
  });

  it('fail with the question, what was found, and the walk as the command prints it', async () => {
    const answer = await askSmall(TEXT, { write: true });
    expect(messageOf(() => expectMapped(answer))).to.equal(
      [
        'expected 0x0000000000001000 (supervisor write)',
        'to be mapped,',
        'but it faults: PRIVILEGE_VIOLATION at the PTE, error code 0x3',
        '',
        '0x0000000000001000  supervisor write   4-level paging, CR3 0x1000, vCPU 0',
        '└─ PML4[0]         0x1000: 0x0000000000002027  P RW US A',
        '   └─ PDPT[0]      0x2000: 0x0000000000003027  P RW US A',
        '      └─ PD[0]     0x3000: 0x0000000000004027  P RW US A',
        '         └─ PT[1]  0x4008: 0x000000000000a021  P RO SU A  ◄ responsible',
        '✗ PRIVILEGE_VIOLATION: supervisor write denied by the PTE: the page is',
        '    read-only (R/W=0, CR0.WP=1)',
        '  #PF error code 0x3 (P W)',
      ].join('\n'),
    );
  });

  it('say what is otherwise, one thing or several', async () => {
    const text = await askSmall(TEXT);
    const fault = await askSmall(TEXT, { write: true });
    const first = (work: () => void) => messageOf(work).split('\n\n', 1)[0]?.replaceAll('\n', ' ');
    expect(first(() => expectMapped(text, { rights: 'rw--' }))).to.contain('but its rights are r-x-');
    expect(first(() => expectMapped(text, { physicalAddress: 0xb000n }))).to.contain(
      'to be mapped to 0xb000, but it leads to 0xa000',
    );
    expect(first(() => expectMapped(text, { pageSizeBytes: 2 ** 21 }))).to.contain('by a 2M page, but it is a 4K page');
    expect(first(() => expectMapped(text, { dirty: true }))).to.contain('with D set, but D is clear in the PTE');
    expect(first(() => expectMapped(text, { accessed: false }))).to.contain('with A clear, but A is set in the PTE');
    expect(first(() => expectFault(text))).to.contain('to fault, but it leads to 0xa000 (r-x-, a 4K page)');
    expect(first(() => expectMapped(fault, { accessed: true, dirty: false }))).to.contain(
      'with A set and D clear, but',
    );
    expect(first(() => expectFault(fault, { fault: 'NOT_PRESENT', at: 'PDE', errorCode: 0x1_0000 }))).to.match(
      /to fault with NOT_PRESENT at the PDE with error code 0x10000, but it faults: PRIVILEGE_VIOLATION at the PTE, error code 0x3$/,
    );
    expect(first(() => expectFault(fault, { at: 'PDE', errorCode: 0x1_0000 }))).to.match(
      /but the PTE is to blame, and the error code is 0x3$/,
    );
    expect(first(() => expectDirty(text))).to.contain('to be dirty, but D is clear in the PTE');
  });

  it('say what they cannot know of an address without an entry', async () => {
    const hole = await askSmall(0x8000_0000_0000_0000n);
    expect(messageOf(() => expectFault(hole, { at: 'PTE' }))).to.contain('no entry is to blame');
    expect(messageOf(() => expectFault(hole, { errorCode: 7 }))).to.contain('the error code is 0x0');
    expect(messageOf(() => expectAccessed(hole))).to.contain('no entry maps it');
  });

  it('take an answer of a plain view, which does not say whose CR3 it is', async () => {
    const [answer] = await smallGuest().translate([
      { linearAddress: USER, access: { write: true, user: true, exec: false } },
    ]);
    if (answer === undefined) throw new Error('no answer');
    expect(messageOf(() => expectMapped(answer))).to.contain('CR3 0x1000');
  });

  it('refuse a text that names no rights', async () => {
    for (const answer of [await askSmall(TEXT), await askSmall(NOTHING)]) {
      expect(() => expectMapped(answer, { rights: 'rx' as RightsText })).to.throw(
        QemuOptionError,
        '"rx" is no text of rights',
      );
    }
  });

  it('have answers that are plain data', async () => {
    const { space, translation } = JSON.parse(JSON.stringify(await askSmall(TEXT)));
    expect(space).to.deep.equal({ cr3: '0x1000', given: false });
    expect(translation.physicalAddress).to.equal('0xa000');
  });
});
