import { expect } from 'chai';
import {
  describeOff,
  describeRomTables,
  describeRoot,
  snapshotNotes,
} from '../../../../src/cli/picture/snapshot-notes.ts';
import type { TableSnapshot } from '../../../../src/guest/index.ts';
import { smallGuest } from '../../../support/builders/small-guest.ts';

describe('cli/snapshotNotes', () => {
  let snapshot: TableSnapshot;
  before(async () => {
    snapshot = await smallGuest().snapshot();
  });

  const told = (parts: Partial<TableSnapshot>): readonly string[] => {
    const { state, context, nested } = snapshot;
    const plain = { isPaged: true, isRootReadable: true, isWhole: true, tablesInRom: [] };
    return snapshotNotes({ state, context, nested, ...plain, ...parts } as unknown as TableSnapshot);
  };

  it('says nothing where there is nothing to say', () => {
    expect(snapshotNotes(snapshot)).to.deep.equal([]);
    expect(told({})).to.deep.equal([]);
  });

  it('says each thing in its sentence', () => {
    expect(told({ isPaged: false })).to.deep.equal([
      'paging is off on vCPU 0: every linear address is the physical one',
    ]);
    expect(told({ isRootReadable: false })).to.deep.equal([
      'the root table at 0x1000 is neither in RAM nor in ROM: nothing is known of this address space',
    ]);
    expect(told({ isWhole: false })).to.deep.equal([
      'there are more page tables than are kept: ask for a part with --range',
    ]);
    expect(told({ tablesInRom: ['pc.rom', 'pc.bios'] })).to.deep.equal([
      'page tables lie in ROM (pc.rom, pc.bios), where no A or D bit can be set',
    ]);
    expect(told({ isPaged: false, isRootReadable: false, isWhole: false, tablesInRom: ['a'] })).to.have.length(4);
  });

  it('names the physical addresses of a nested guest as its own', () => {
    const nested = { context: snapshot.context, nested: snapshot.context } as unknown as TableSnapshot;
    expect(describeRoot(nested)).to.equal(
      'the second stage refuses the root table at L2 physical 0x1000, or no memory holds it: nothing is known of this address space',
    );
    expect(describeOff(3)).to.contain('vCPU 3');
    expect(describeRomTables(['x'])).to.contain('(x)');
  });
});
