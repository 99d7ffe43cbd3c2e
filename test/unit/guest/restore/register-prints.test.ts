import { expect } from 'chai';
import { isSamePrint, printOf, printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';

const ALL = readFixture('qmp/registers/all.txt').toString();
const ONE = readFixture('qmp/registers/long-mode.txt').toString();
/** Before anything else is printed: the last one is kept. */
const NOTHING = printOf('');

describe('the print of registers', () => {
  it('is there for each vCPU, whatever the line ends', () => {
    expect(Object.keys(printRegisters(ALL))).to.deep.equal(['0', '1']);
    expect(printRegisters(ALL.replaceAll('\r', ''))).to.deep.equal(printRegisters(ALL));
    expect(Object.keys(printRegisters(ONE))).to.have.length(1);
  });

  it('tells a guest that has run from one that has not', () => {
    const before = printRegisters(ALL);
    expect(isSamePrint(before, printRegisters(ALL))).to.equal(true);
    const [rax = ''] = /R?E?AX=[0-9a-f]+/.exec(ALL) ?? [];
    const changed = ALL.replace(rax, `${rax.slice(0, -1)}${rax.endsWith('1') ? 2 : 1}`);
    expect(isSamePrint(before, printRegisters(changed))).to.equal(false);
  });

  it('that is missing is no other one', () => {
    expect(isSamePrint({}, printRegisters(ALL))).to.equal(false);
    expect(isSamePrint(printRegisters(ALL), {})).to.equal(false);
    const { 0: first = '' } = printRegisters(ALL);
    expect(isSamePrint({ 0: first }, printRegisters(ALL))).to.equal(true);
  });
});

describe('the print of a text', () => {
  it('is the same one, whatever was printed meanwhile', () => {
    const first = printOf(ONE);
    expect(printOf(ONE)).to.equal(first);
    expect(printOf(ALL)).not.to.equal(first);
    expect(printOf(ONE)).to.equal(first);
  });

  it('is one of no text, too', () => {
    expect(NOTHING).to.have.length(22);
    printOf(ONE);
    expect(printOf('')).to.equal(NOTHING);
  });

  it('is that of every process of the same version: journals are read by others', () => {
    expect(printOf('R')).to.equal('q49177S8FjhmAKMupz2Vlg');
    expect(printOf('RAX=0123456789abcdef RIP=fff0\n')).to.equal('8jXHJVRONOUOSTXz9VUzCw');
  });

  it('of a vCPU is that of what follows its number, without space around', () => {
    const prints = { 0: printOf('RAX=1'), 12: printOf('RAX=2\nRIP=3') };
    expect(printRegisters('said before\r\n\r\nCPU#0\r\nRAX=1\r\n\r\nCPU#12 \r\n RAX=2\r\nRIP=3\r\n')).to.deep.equal(
      prints,
    );
    expect(printRegisters('CPU#0\nRAX=1\nCPU#12\nRAX=2\nRIP=3')).to.deep.equal(prints);
    expect(printRegisters('')).to.deep.equal({});
  });

  const quarters = (text: string): readonly number[] => {
    const bytes = Buffer.from(printOf(text), 'base64url');
    return [0, 4, 8, 12].map((at) => bytes.readInt32LE(at));
  };

  it('differs in each of its quarters wherever one character does', () => {
    const text = ONE.slice(0, 400);
    const before = quarters(text);
    for (let at = 0; at < text.length; at += 1) {
      const changed = String.fromCharCode(text.charCodeAt(at) ^ (1 << (at % 7)));
      const after = quarters(text.slice(0, at) + changed + text.slice(at + 1));
      expect(after.filter((quarter, which) => quarter === before[which])).to.deep.equal([]);
    }
  });

  it('is its own in all quarters for each of 20,000 texts', () => {
    const seen = [0, 1, 2, 3].map(() => new Set<number>());
    for (let count = 0; count < 20_000; count += 1) {
      for (const [which, quarter] of quarters(`RAX=${String(count).padStart(16, '0')} RIP=fff0`).entries())
        seen[which]?.add(quarter);
    }
    expect(seen.map(({ size }) => size)).to.deep.equal([20_000, 20_000, 20_000, 20_000]);
  });
});
