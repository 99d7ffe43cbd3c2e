import { expect } from 'chai';
import {
  type Access,
  AMD,
  cr2AfterFault,
  createContext,
  type EntrySource,
  INTEL,
  KVM,
  type PagingContext,
  type PlannedBits,
  type Profile,
  planBits,
  processorBits,
  TCG,
  tcgProfile,
  translate,
} from '../../../../src/paging/index.ts';
import { entryMap, fourLevels } from '../../../support/builders/entry-map.ts';

const READ: Access = { write: false, user: false, exec: false };
const WRITE: Access = { ...READ, write: true };
const USER: Access = { ...READ, user: true };
const NON_CANONICAL = 0x5000_0000_0000_0000n;

function longMode(profile: Profile): PagingContext {
  return createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40, profile });
}

function pae(profile: Profile): PagingContext {
  return createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0n }, { maxPhyAddr: 40, profile });
}

/** `4A 1AD`: level and bits of each entry, from the top. */
function show(bits: readonly PlannedBits[]): string {
  return bits.map(({ level, accessed, dirty }) => `${level}${accessed ? 'A' : ''}${dirty ? 'D' : ''}`).join(' ');
}

function setBy(context: PagingContext, memory: EntrySource, access = READ): string {
  return show(processorBits(context, translate(context, memory, 0n, access)));
}

describe('the bits that a processor sets by itself', () => {
  const PAGE = fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n);

  it('A in every entry of an access that succeeds, D in the leaf of a write', () => {
    expect(setBy(longMode(INTEL), PAGE)).to.equal('4A 3A 2A 1A');
    expect(setBy(longMode(INTEL), PAGE, WRITE)).to.equal('4A 3A 2A 1AD');
    expect(setBy(longMode(INTEL), fourLevels(0x2027n, 0x3007n, 0x4027n, 0x5027n), WRITE)).to.equal('3A 1D');
    expect(setBy(longMode(INTEL), fourLevels(0x2027n, 0x3027n, 0x4027n, 0x5067n), WRITE)).to.equal('');
  });

  it('keep everything else of the entry in view', () => {
    const context = longMode(INTEL);
    const [first] = processorBits(context, translate(context, PAGE, 0n, READ));
    expect(first).to.deep.include({ address: 0x1000n, level: 4, value: 0x2007n, sizeBytes: 8 });
  });

  it('on a fault, of the entries above the one that stopped it, what each manual says', () => {
    const denied = fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5003n);
    const absent = fourLevels(0x2007n, 0x3007n, 0n);
    const reserved = fourLevels(0x2007n, 0x3007n, 0x8_0000_0000_4007n);
    const unbacked = fourLevels(0x2007n, 0x3007n);
    const of = (profile: Profile) =>
      [denied, absent, reserved, unbacked].map((memory) => setBy(longMode(profile), memory, USER));
    expect(of(INTEL), 'a page-level protection violation alone').to.deep.equal(['4A 3A 2A', '', '', '']);
    expect(of(AMD), 'every table that was read').to.deep.equal(['4A 3A 2A', '4A 3A', '4A 3A', '4A 3A']);
    expect(of(TCG)).to.deep.equal(['4A 3A 2A', '4A 3A', '4A 3A', '4A 3A']);
    expect(of(KVM)).to.deep.equal(['', '', '', '']);
  });

  it('not in the leaf that denies the access, and not twice', () => {
    const supervisor = fourLevels(0x2007n, 0x3007n, 0x83n);
    expect(setBy(longMode(INTEL), supervisor, USER)).to.equal('4A 3A');
    expect(setBy(longMode(INTEL), fourLevels(0x2027n, 0x3007n, 0x4027n, 0x5003n), USER)).to.equal('3A');
  });

  it('TCG sets A in a 1 GB leaf before it has looked at all of it', () => {
    const reservedLow = fourLevels(0x2007n, 0x2087n);
    const reservedHigh = fourLevels(0x2007n, 0x8_0000_0000_0087n);
    const supervisor = fourLevels(0x2007n, 0x83n);
    expect(setBy(longMode(TCG), reservedLow)).to.equal('4A 3A');
    expect(setBy(longMode(TCG), supervisor, USER)).to.equal('4A 3A');
    expect(setBy(longMode(TCG), reservedHigh), 'this it looks at').to.equal('4A');
    const page2m = fourLevels(0x2007n, 0x3007n, 0x83n);
    expect(setBy(longMode(TCG), page2m, USER), 'of 2 MB pages it has it right').to.equal('4A 3A');
  });

  it('nothing in a PAE PDPTE, but on TCG', () => {
    const memory = entryMap({ 4096: 0x2001n, 8192: 0x3007n, 12288: 0x4007n });
    expect(setBy(pae(INTEL), memory)).to.equal('2A 1A');
    expect(setBy(pae(TCG), memory)).to.equal('3A 2A 1A');
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    const context = pae(TCG);
    expect(show(planBits(translate(context, memory, 0n, WRITE), flags)), 'a caller asks for it in vain').to.equal(
      '2A 1AD',
    );
  });
});

describe('CR2 after a fault', () => {
  function cr2(context: PagingContext, memory: EntrySource, address: bigint): string | null {
    const value = cr2AfterFault(context, translate(context, memory, address, READ));
    return value === null ? null : `0x${value.toString(16)}`;
  }

  it('holds the address of a page fault', () => {
    expect(cr2(longMode(INTEL), fourLevels(0n), 0x123n)).to.equal('0x123');
  });

  it('stays as it was without one', () => {
    expect(cr2(longMode(INTEL), fourLevels(0x2007n, 0x3007n, 0x4007n, 0x5007n), 0x123n)).to.equal(null);
    expect(cr2(longMode(INTEL), entryMap({}), NON_CANONICAL)).to.equal(null);
  });

  it('holds the address of a #GP in the QEMUs that have that wrong', () => {
    expect(cr2(longMode(tcgProfile([10, 0, 2])), entryMap({}), NON_CANONICAL)).to.equal('0x5000000000000000');
    expect(cr2(longMode(tcgProfile([7, 2, 22])), entryMap({}), NON_CANONICAL)).to.equal(null);
  });
});
