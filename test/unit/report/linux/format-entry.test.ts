import { expect } from 'chai';
import { formatLinuxEntry, formatOwner } from '../../../../src/report/index.ts';
import { encodeLinuxEntry } from '../../../../src/report/linux/format-entry.ts';
import { encodeOwner } from '../../../../src/report/linux/format-owner.ts';

const NO_BITS = { softDirty: false, uffdWp: false, exclusive: false };

describe('report/formatLinuxEntry', () => {
  it('has a sentence for each thing that an entry can be', () => {
    const unknown = 'the entry is not empty, and not of a form that is known';
    const sentences = [
      [{ kind: 'empty' }, 'the entry is empty: there is no page yet, or none any more'],
      [
        { kind: 'no-access', physicalAddress: 0x5000n, isInverted: true },
        'access is taken away (PROT_NONE, or a NUMA hint): the page stays at 0x5000, inverted in the entry',
      ],
      [
        { kind: 'no-access', physicalAddress: 0x5000n, isInverted: false },
        'access is taken away (PROT_NONE, or a NUMA hint): the page stays at 0x5000',
      ],
      [
        { kind: 'no-access', physicalAddress: null, isInverted: false },
        'access is taken away (PROT_NONE, or a NUMA hint): no form of its address leads to memory',
      ],
      [{ kind: 'poisoned', physicalAddress: 0x5000n }, 'the page at 0x5000 is poisoned: its memory failed'],
      [{ kind: 'device', frame: 0x77n }, 'the page is in the memory of a device, frame 0x77'],
      [{ kind: 'marker', marks: [], value: 0x10n }, 'no page, but a marker: 0x10'],
      [
        { kind: 'marker', marks: ['uffd-wp', 'guard'], value: 5n },
        'no page, but a marker: write-protected by userfaultfd, guard page',
      ],
      [{ kind: 'splitting' }, 'a large page that is being split'],
      [{ kind: 'unknown', type: null, offset: 1n }, unknown],
      [{ kind: 'unknown', type: 3, offset: null }, unknown],
      [
        { kind: 'unknown', type: 3, offset: 0x20n },
        'an entry of type 3, offset 0x20, which this kernel does not explain',
      ],
      [{ kind: 'present', bits: ['special', 'soft-dirty'] }, 'special, soft-dirty'],
      [{ kind: 'present', bits: [] }, ''],
    ] as const;
    for (const [entry, sentence] of sentences) {
      expect(formatLinuxEntry(entry as Parameters<typeof formatLinuxEntry>[0])).to.equal(sentence);
    }
  });

  it('says where a page is swapped to or moved from, and the bits that Linux keeps beside', () => {
    const swap = { kind: 'swap', type: 2, offset: 0x1234n } as const;
    expect(formatLinuxEntry({ ...swap, ...NO_BITS })).to.equal('swapped out to swap area 2, page 0x1234');
    expect(formatLinuxEntry({ ...swap, softDirty: true, uffdWp: true, exclusive: true })).to.equal(
      'swapped out to swap area 2, page 0x1234; soft-dirty, write-protected by userfaultfd, exclusive',
    );
    const moving = { kind: 'migration', physicalAddress: 0x9000n, allows: 'read-exclusive', ...NO_BITS } as const;
    expect(formatLinuxEntry({ ...moving, uffdWp: true })).to.equal(
      'the page at 0x9000 is being moved (read-only, exclusive); write-protected by userfaultfd',
    );
    expect(formatLinuxEntry({ ...moving, allows: 'write' })).to.equal('the page at 0x9000 is being moved (writable)');
  });

  it('gives JSON the same fields, addresses as text', () => {
    expect(encodeLinuxEntry({ kind: 'swap', type: 2, offset: 0x1234n, ...NO_BITS })).to.deep.equal({
      ...{ kind: 'swap', type: 2, offset: '0x1234', ...NO_BITS },
    });
  });
});

describe('report/formatOwner', () => {
  it('names the process, and the half of its tables', () => {
    const owner = { kind: 'process', pid: 91, comm: 'ba\u0007sh', half: null } as const;
    expect(formatOwner(owner)).to.equal('process 91 ba\\x07sh');
    expect(formatOwner({ ...owner, half: 'user' })).to.equal('process 91 ba\\x07sh, user half');
    expect(encodeOwner({ ...owner, half: 'kernel' })).to.deep.equal({ ...owner, half: 'kernel' });
  });

  it("names the kernel's own tables", () => {
    expect(formatOwner({ kind: 'kernel' })).to.equal("the kernel's own tables");
    expect(encodeOwner({ kind: 'kernel' })).to.deep.equal({ kind: 'kernel' });
  });
});
