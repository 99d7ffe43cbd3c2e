import { expect } from 'chai';
import { LAYOUT, type Pieces } from '../../../../src/picture/pieces/pieces.ts';
import { PiecesBuilder } from '../../../../src/picture/pieces/pieces-builder.ts';
import { inPhysicalOrder, MAPPED, mappingsOf } from '../../../../src/picture/view/physical-order.ts';
import { Random } from '../../../support/random/random.ts';

const WRITE = 2;
const USER = 4;
const EXECUTE_DISABLED = 1 << 9;
const FRAMES = 64;

/** What maps a frame, counted one by one. */
interface Frame {
  linear: number[];
  classes: number;
  accessed: number;
  dirty: number;
}

/** Random pieces, and each frame's mappings by counting. */
function draw(random: Random): {
  readonly pieces: Pieces;
  readonly frames: readonly Frame[];
  readonly scattered: number;
} {
  const builder = new PiecesBuilder();
  const frames: Frame[] = Array.from({ length: FRAMES }, () => ({ linear: [], classes: 0, accessed: 0, dirty: 0 }));
  let first = 0;
  let scattered = 0;
  for (let count = random.below(12); count > 0; count--) {
    first += random.below(3);
    const layout = random.pick([LAYOUT.inOnePiece, LAYOUT.inOnePiece, LAYOUT.repeated, LAYOUT.scattered]);
    const pages = 1 + random.below(8);
    const physical = random.below(FRAMES - 8);
    const attributes = random.pick([0, WRITE]) | random.pick([0, USER]) | random.pick([0, EXECUTE_DISABLED]);
    const [accessed, dirty] = [random.below(2) * pages, random.below(2) * pages];
    builder.add({ first, pages, physical, layout, attributes, shift: 12, leaves: pages, accessed, dirty, classes: 0 });
    if (layout === LAYOUT.scattered) scattered += 1;
    const classes =
      (attributes & WRITE ? MAPPED.writable : 0) |
      (attributes & EXECUTE_DISABLED ? 0 : MAPPED.executable) |
      (attributes & USER ? MAPPED.user : MAPPED.supervisor);
    const distinct = layout === LAYOUT.scattered ? 0 : layout === LAYOUT.repeated ? 1 : pages;
    for (let at = 0; at < distinct; at++) {
      const frame = frames[physical + at] as Frame;
      const times = layout === LAYOUT.repeated ? pages : 1;
      for (let time = 0; time < times; time++) frame.linear.push(first + at + time);
      frame.classes |= classes;
      frame.accessed += accessed > 0 ? 1 : 0;
      frame.dirty += dirty > 0 ? 1 : 0;
    }
    first += pages;
  }
  return { pieces: builder.build('pages', true), frames, scattered };
}

describe('physical order', () => {
  it('has each frame with how often, and by what, it is mapped', () => {
    const random = new Random(17);
    for (let round = 0; round < 500; round++) {
      const { pieces, frames, scattered } = draw(random);
      const order = inPhysicalOrder(pieces);
      const told: Frame[] = Array.from({ length: FRAMES }, () => ({ linear: [], classes: 0, accessed: 0, dirty: 0 }));
      const times: number[] = Array.from({ length: FRAMES }, () => 0);
      for (let at = 0; at < order.pieces.length; at++) {
        const first = order.pieces.first[at] as number;
        expect(order.pieces.physical[at]).to.equal(first);
        for (let page = first; page < first + (order.pieces.pages[at] as number); page++) {
          expect(times[page], 'no frame twice').to.equal(0);
          times[page] = order.pieces.leaves[at] as number;
          Object.assign(told[page] as Frame, {
            classes: order.pieces.classes[at],
            accessed: order.pieces.accessed[at],
            dirty: order.pieces.dirty[at],
          });
        }
      }
      expect(times).to.deep.equal(frames.map(({ linear }) => linear.length));
      expect(told).to.deep.equal(frames.map((frame) => ({ ...frame, linear: [] })));
      expect(order.scattered).to.equal(scattered);
      expect(order.pieces.complete).to.equal(scattered === 0);
    }
  });

  it('finds the linear pages of a frame, each of those that repeat it, and says where others may lead there', () => {
    const random = new Random(18);
    for (let round = 0; round < 200; round++) {
      const { pieces, frames, scattered } = draw(random);
      frames.forEach(({ linear }, page) => {
        expect(mappingsOf(pieces, page, 100)).to.deep.equal({ pages: linear, isWhole: scattered === 0 });
        expect(mappingsOf(pieces, page, 2).pages).to.deep.equal(linear.slice(0, 2));
      });
    }
  });
});
