import { expect } from 'chai';
import { createContext, OUTCOME, startWalk, toTranslation, translate, Walk } from '../../../../src/paging/internal.ts';
import { fourLevels } from '../../../support/builders/entry-map.ts';

const READ = { write: false, user: false, exec: false };
const CONTEXT = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const ENTRIES = [0x2007, 0x3007, 0x4007, 0x5007];

/** Feeds a walk what it asks for, as far as it wants; the addresses that it asked for. */
function feedAll(walk: Walk, entries: readonly number[]): string[] {
  const wanted: string[] = [];
  let wants = walk.outcome === OUTCOME.pending;
  for (let at = 0; wants; at += 1) {
    wanted.push(`0x${walk.wanted.toString(16)}`);
    wants = walk.feed(entries[at] ?? 0, 0);
  }
  return wanted;
}

describe('a walk', () => {
  it('asks for one entry after the other, by physical address', () => {
    const walk = new Walk(CONTEXT);
    expect(startWalk(walk, 0x5123n, READ)).to.equal(true);
    expect(feedAll(walk, ENTRIES)).to.deep.equal(['0x1000', '0x2000', '0x3000', '0x4028']);
    expect([walk.outcome, walk.physical.toString(16)]).to.deep.equal([OUTCOME.mapped, '5123']);
  });

  it('has no result before it has ended', () => {
    const walk = new Walk(CONTEXT);
    startWalk(walk, 0x5123n, READ);
    expect(() => toTranslation(walk)).to.throw(RangeError, 'the walk has not ended');
    walk.feed(0x2007, 0);
    expect(() => toTranslation(walk)).to.throw(RangeError, 'the walk has not ended');
  });

  it('has no more entries than its mode has levels', () => {
    const walk = new Walk(CONTEXT);
    expect(() => walk.levelAt(4)).to.throw(RangeError, 'a 4-level walk has no entry 4');
    expect(walk.levelAt(3).table).to.equal('PT');
  });

  it('forgets everything when it is started again', () => {
    const used = new Walk(CONTEXT);
    const supervisorOnly = [0x2003, 0x3001, 0x4003, 0x5001];
    startWalk(used, 0xffff_8000_0000_1234n, { ...READ, user: true });
    feedAll(used, supervisorOnly);
    expect(used.outcome).to.equal(OUTCOME.denied);
    startWalk(used, 0x5000_0000_0000_0000n, READ);
    expect(used.outcome).to.equal(OUTCOME.nonCanonical);
    startWalk(used, 0x123n, READ);
    feedAll(used, ENTRIES);
    const fresh = translate(CONTEXT, fourLevels(...ENTRIES.map(BigInt)), 0x123n, READ);
    expect(toTranslation(used)).to.deep.equal(fresh);
  });
});
