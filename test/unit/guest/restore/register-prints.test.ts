import { expect } from 'chai';
import { isSamePrint, printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';

const ALL = readFixture('qmp/registers/all.txt').toString();
const ONE = readFixture('qmp/registers/long-mode.txt').toString();

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
