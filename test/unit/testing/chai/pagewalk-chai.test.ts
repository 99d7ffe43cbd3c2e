import * as chai from 'chai';
import pagewalkChai from '../../../../src/testing/chai/index.ts';
import { askSmall, DATA, mapSmall, NOTHING, ODD, TEXT } from '../../../support/builders/small-guest.ts';

chai.use(pagewalkChai);
const { expect } = chai;

describe('the chai plugin', () => {
  it('asserts of answers', async () => {
    expect(await askSmall(TEXT)).to.be.mapped;
    expect(await askSmall(TEXT)).to.be.mapped.as('r-x-');
    expect(await askSmall(TEXT, { write: true }))
      .to.fault('PRIVILEGE_VIOLATION')
      .at('PTE')
      .with.errorCode(0x3);
    expect(await askSmall(TEXT, { write: true })).not.to.be.mapped;
    expect(await askSmall(DATA)).to.be.accessed.and.dirty;
    expect(await askSmall(ODD)).not.to.be.accessed;
    expect(await askSmall(NOTHING)).to.fault();
  });

  it('asserts of maps', async () => {
    expect(await mapSmall(TEXT, DATA + 0xfffn)).to.have.no.writableExecutable();
    expect(await mapSmall()).to.have.writableExecutable();
    expect(await mapSmall(TEXT, DATA)).to.have.no.userAccessible();
    expect(await mapSmall()).to.be.as('r-x-', { first: TEXT, last: TEXT });
  });

  it('fails with the walk, and with all that was said of the fault', async () => {
    const answer = await askSmall(TEXT, { write: true });
    expect(() => expect(answer).to.fault('PRIVILEGE_VIOLATION').at('PDE')).to.throw(
      /to fault with PRIVILEGE_VIOLATION at the PDE,\nbut the PTE is to blame\n\n[\s\S]*PT\[1\][\s\S]*◄ responsible/,
    );
    expect(() => expect(answer).to.be.mapped).to.throw('to be mapped,\nbut it faults');
    expect(() => expect(answer).not.to.fault()).to.throw('not to fault,\nbut it faults');
  });

  it('fails with the ranges', async () => {
    const map = await mapSmall();
    expect(() => expect(map).to.have.no.writableExecutable()).to.throw('0x0000000000003000-0x0000000000003fff');
    const none = await mapSmall(TEXT, DATA);
    expect(() => expect(none).to.have.writableExecutable()).to.throw(
      'to have writable and executable pages,\nbut it has none',
    );
  });

  it('says what it is for', async () => {
    expect(() => expect(5).to.map(0n)).to.throw('map() asks a guest of launchGuest()');
    expect(() => expect(5).to.fault()).to.throw('this is asserted of an answer');
    expect(() => expect(5).to.have.no.writableExecutable()).to.throw('this is asserted of a map');
  });

  it('leaves the words of chai as they were', () => {
    expect(5).to.be.at.least(5);
    expect([1]).to.be.an('array').that.includes(1);
  });
});
