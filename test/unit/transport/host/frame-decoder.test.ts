import { expect } from 'chai';
import * as fc from 'fast-check';
import { encodeFrame, FrameDecoder } from '../../../../protocols/transport/host/frame-decoder.ts';

const frame = fc.record({
  channel: fc.nat(0xffff_ffff),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe('frames of a helper', () => {
  it('are taken out of whatever pieces they come in', () => {
    void fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        (sent, cuts) => {
          const wire = Buffer.concat(sent.map(({ channel, payload }) => encodeFrame(channel, payload)));
          const decoder = new FrameDecoder();
          const found = [];
          for (let at = 0, which = 0; at < wire.length; which += 1) {
            const end = at + (cuts[which % cuts.length] ?? 1);
            found.push(...decoder.take(wire.subarray(at, end)));
            at = end;
          }
          expect(found.map(({ channel, payload }) => [channel, payload.toString('hex')])).to.deep.equal(
            sent.map(({ channel, payload }) => [channel, payload.toString('hex')]),
          );
        },
      ),
    );
  });

  it('that are longer than any are refused by their header, before anything is kept', () => {
    const header = encodeFrame(1, Buffer.alloc(0));
    header.writeUInt32BE(0x4000_0000, 4);
    expect(() => new FrameDecoder().take(header)).to.throw(RangeError, 'a frame of 1073741824 bytes');
  });
});
