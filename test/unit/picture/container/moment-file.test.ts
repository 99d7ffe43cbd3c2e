import { expect } from 'chai';
import { decodeMoment, encodeMoment } from '../../../../src/picture/container/moment-file.ts';
import { type MomentHeading, PICTURE_FORMAT } from '../../../../src/picture/container/moment-heading.ts';
import { PictureError } from '../../../../src/picture/errors.ts';

const heading: MomentHeading = {
  format: PICTURE_FORMAT,
  version: '0',
  from: '</script><script>alert(1)</script> \u2028 é 名',
  takenAtMs: 1,
  pause: null,
  cpu: 0,
  mode: '4-level',
  linearBits: 48,
  isUnsigned: false,
  space: { cr3: 0xffff_ffff_ffff_f000n, given: false },
  first: 0n,
  last: 0xffff_ffff_ffff_ffffn,
  state: { nested: { value: null }, cr0: { value: 0x8000_0011n } },
  regions: [],
  names: [],
  assumed: [],
  notes: [],
  whyNoWalks: null,
  classNames: [],
};
const moment = { heading, tables: Uint8Array.of(1, 2, 3), ranges: Uint8Array.of(4) };

describe('picture/encodeMoment', () => {
  it('is read as it was written, bigints and all characters too', () => {
    expect(decodeMoment(encodeMoment(moment))).to.deep.equal(moment);
  });

  it('refuses what was cut off, at any byte, and what something follows', () => {
    const bytes = encodeMoment(moment);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeMoment(bytes.subarray(0, length)), `${length} bytes`).to.throw(PictureError);
    }
    expect(() => decodeMoment(Uint8Array.from([...bytes, 0]))).to.throw(PictureError, 'something follows');
  });

  it('says which format it reads', () => {
    const bytes = encodeMoment(moment).slice();
    bytes[17] = 9;
    expect(() => decodeMoment(bytes)).to.throw(PictureError, 'the picture has format 9');
  });
});
