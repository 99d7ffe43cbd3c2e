import { expect } from 'chai';
import { replyText } from '../../../../protocols/gdb/packets/reply.ts';

describe('replyText', () => {
  it('is one character for each byte, with its number, from the middle of a buffer too', () => {
    const bytes = Uint8Array.from({ length: 258 }, (_, index) => index - 1).subarray(1, 257);
    expect(Array.from(replyText(bytes), (character) => character.codePointAt(0))).to.deep.equal([...bytes]);
  });
});
