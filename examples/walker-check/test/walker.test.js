import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toTranslate2Answer } from 'pagewalk/abi';
import { bufferMemory, createContext, translate } from 'pagewalk/paging';
import { walk } from '../my-walker.js';

const NO_FLAGS = { setAccessed: false, setDirty: false, forceSetAccessed: false };
const CR3 = 0x1000n;

/** Small numbers that look random, the same each time (Numerical Recipes' generator). */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

/** Four tables whose first sixteen entries are drawn; none has a reserved bit set, which my-walker does not know. */
function drawTables(draw) {
  const bytes = new Uint8Array(4 * 4096);
  const view = new DataView(bytes.buffer);
  for (let table = 0; table < 4; table += 1) {
    for (let index = 0; index < 16; index += 1) {
      const isLeaf = table === 3;
      const frame = isLeaf ? BigInt(draw(1 << 20)) << 12n : BigInt(0x2000 + table * 0x1000);
      const present = draw(8) === 0 ? 0n : 1n;
      const noExecute = draw(3) === 0 ? 1n << 63n : 0n;
      view.setBigUint64(table * 4096 + index * 8, frame | present | BigInt(draw(4) << 1) | noExecute, true);
    }
  }
  return { bytes, view };
}

test('my walker answers 20000 random questions as pagewalk does', () => {
  const registers = { cr0: 0x8001_0011n, cr3: CR3, cr4: 0x20n, efer: 0xd00n };
  const context = createContext(registers, { maxPhyAddr: 52, vendor: 'intel' });
  const draw = random(20_261_129);
  for (let round = 0; round < 200; round += 1) {
    const { bytes, view } = drawTables(draw);
    const memory = bufferMemory(bytes, CR3);
    for (let question = 0; question < 100; question += 1) {
      const [pml4, pdpt, pd, pt] = Array.from({ length: 4 }, () => BigInt(draw(18)));
      const upper = draw(50) === 0 ? 1n << 50n : 0n;
      const address = upper | (pml4 << 39n) | (pdpt << 30n) | (pd << 21n) | (pt << 12n) | BigInt(draw(4096));
      const kind = draw(3);
      const access = { write: kind === 1, exec: kind === 2, user: draw(2) === 1 };
      const ours = toTranslate2Answer(translate(context, memory, address, access), NO_FLAGS, false);
      const mine = walk((at) => view.getBigUint64(Number(at - CR3), true), CR3, address, access);
      const { valid, errorCode } = ours;
      // Which entry is to blame is pagewalk's word where several are: the ioctl names one.
      const physicalAddress = valid || errorCode === 1 ? ours.physicalAddress : mine.physicalAddress;
      assert.deepEqual(
        mine,
        { valid, errorCode, physicalAddress },
        `${address.toString(16)} ${JSON.stringify(access)}`,
      );
    }
  }
});
