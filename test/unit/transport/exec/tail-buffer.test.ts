import { expect } from 'chai';
import { TailBuffer } from '../../../../protocols/transport/exec/tail-buffer.ts';

describe('TailBuffer', () => {
  it('keeps the last characters, however they come', () => {
    const buffer = new TailBuffer(5);
    for (const text of ['ab', 'cde', '', 'fg']) buffer.push(text);
    expect(buffer.text()).to.equal('cdefg');
    buffer.push('0123456789');
    expect(buffer.text()).to.equal('56789');
  });
});
