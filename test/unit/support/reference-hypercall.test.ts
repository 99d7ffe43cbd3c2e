import { expect } from 'chai';
import { memoryOf } from '../../support/builders/hand-made-memory.ts';
import {
  hypercallFlags,
  isInvalidParameter,
  type ReferenceMask,
  referenceHypercall,
} from '../../support/reference/reference-hypercall.ts';
import { controlBits, type MachineChanges, machineIn } from '../../support/reference/reference-machine.ts';
import { referenceMemoryType, referenceMtrrType } from '../../support/reference/reference-memory-type.ts';

const { smep, smap, cet } = controlBits.cr4;
const xd = 1n << 63n;

// Linear 0x0000_1234_5678_9000: PML4 index 36, PDPT 209, PD 179, PT 393.
const page = 0x1234_5678_9000n;
const pml4e = '0x1120';
const pdpte = '0x2688';
const pde = '0x3598';
const pte = '0x4c48';
/** The leaf: PAT entry 1, by PWT. */
const open = { [pml4e]: 0x2007n, [pdpte]: 0x3007n, [pde]: 0x4007n, [pte]: 0x5_500fn };

const memoryTypes = {
  pat: 0x0007_0406_0007_0406n,
  mtrrDefType: 0x806n,
  mtrrFixed: Array.from({ length: 11 }, () => 0n),
  mtrrVariable: [],
  cr0: 0x8001_0011n,
  maxPhyAddr: 40,
};

interface Circumstances {
  cpl?: number;
  machine?: MachineChanges;
  entries?: Readonly<Record<string, bigint>>;
  unreadable?: readonly bigint[];
  unwritable?: readonly bigint[];
  inputVtl?: number;
  masks?: readonly ReferenceMask[];
  overlayPages?: readonly bigint[];
  linear?: bigint;
}

/** `code page cache overlay`, then the bits by level. */
function verdict(names: string, circumstances: Circumstances = {}): string {
  const { cpl = 0, linear = page } = circumstances;
  const { unreadable = [], unwritable = [], overlayPages = [], inputVtl = 0, masks = [] } = circumstances;
  const flags = names.split(' ').reduce((all, name) => all | hypercallFlags[name as keyof typeof hypercallFlags], 0n);
  const processor = { machine: machineIn('4-level', circumstances.machine), cpl, memoryTypes };
  const memory = memoryOf({ ...open, ...circumstances.entries });
  const pages = { unreadable, unwritable, overlayPages, inputVtl, masks };
  const answer = referenceHypercall(flags, linear, processor, memory, pages);
  const bits = answer.bits.map(({ level, accessed, dirty }) => `${accessed ? 'A' : ''}${dirty ? 'D' : ''}${level}`);
  const overlay = answer.overlayPage ? ' overlay' : '';
  const event = answer.eventInfo === null ? '' : ` ${answer.eventInfo}`;
  return `${answer.resultCode} 0x${answer.gpaPage.toString(16)} ${answer.cacheType}${overlay}${event} ${bits.join(' ')}`.trim();
}

describe('referenceHypercall', () => {
  it('finds a page, its memory type and whether it is an overlay', () => {
    expect(verdict('validateRead')).to.equal('0 0x55 4');
    expect(verdict('validateRead', { overlayPages: [0x55n] })).to.equal('0 0x55 4 overlay');
  });

  it('says why not', () => {
    expect(verdict('validateRead', { entries: { [pde]: 0n } })).to.equal('1 0x0 0');
    expect(verdict('validateRead', { linear: 0x8000_0000_0000n })).to.equal('1 0x0 0');
    expect(verdict('validateWrite', { entries: { [pte]: 0x5_5005n } })).to.equal('2 0x0 0');
    expect(verdict('validateRead', { entries: { [pde]: 0x4007n | (1n << 51n) } })).to.equal('3 0x0 0');
    expect(verdict('validateRead', { entries: { [pde]: 0x1234_5007n } })).to.equal('4 0x12345 0');
    expect(verdict('validateRead', { unreadable: [4n] })).to.equal('5 0x4 0');
    expect(verdict('validateRead setPageTableBits', { unwritable: [3n] })).to.equal('6 0x3 0 A4 A3');
    expect(verdict('validateRead', { unwritable: [3n] })).to.equal('0 0x55 4');
    expect(verdict('validateRead', { unreadable: [4n], overlayPages: [4n] })).to.equal('7 0x4 0');
  });

  it('asks as whom the flags say, and else by CPL', () => {
    const supervisors = { [pte]: 0x5_5003n };
    expect(verdict('validateRead', { cpl: 3, entries: supervisors })).to.equal('2 0x0 0');
    expect(verdict('validateRead', { cpl: 2, entries: supervisors })).to.equal('0 0x55 6');
    expect(verdict('validateRead supervisorAccess', { cpl: 3, entries: supervisors })).to.equal('0 0x55 6');
    expect(verdict('validateRead userAccess', { entries: supervisors })).to.equal('2 0x0 0');
    expect(verdict('validateRead userAccess supervisorAccess', { entries: supervisors })).to.equal('2 0x0 0');
    expect(verdict('validateRead privilegeExempt', { cpl: 3, entries: supervisors })).to.equal('0 0x55 6');
  });

  it('takes SMEP and SMAP for disabled where the caller is exempt, and shadow stacks for its own', () => {
    expect(verdict('validateExecute privilegeExempt', { cpl: 3, machine: { cr4: smep } })).to.equal('0 0x55 4');
    expect(verdict('validateRead privilegeExempt', { machine: { cr4: smap } })).to.equal('0 0x55 4');
    expect(verdict('validateRead privilegeExempt enforceSmap', { machine: { cr4: smap } })).to.equal('0 0x55 4');
    for (const leaf of [0x5_5041n, 0x5_5045n]) {
      const entries = { [pte]: leaf };
      expect(verdict('validateWrite shadowStack privilegeExempt', { entries, machine: { cr4: cet } })).to.equal(
        '0 0x55 6',
      );
    }
    const notWritable = { entries: { [pte]: 0x5_5005n } };
    expect(verdict('validateWrite privilegeExempt', notWritable)).to.equal('2 0x0 0');
  });

  it('is intercepted by the highest VTL that keeps a table from the one asked about, with its event', () => {
    const masks = [
      { vtl: 1, unreadable: [3n], unwritable: [4n] },
      { vtl: 2, unreadable: [3n], unwritable: [] },
    ];
    const linear = '0090785634120000';
    const event = (first: string, table: string) => `${first}00000000${linear}${table}${'00'.repeat(8)}`;
    expect(verdict('validateRead', { masks })).to.equal(`8 0x0 0 ${event('03020001', '0030000000000000')}`);
    expect(verdict('validateRead', { masks, inputVtl: 2 })).to.equal('0 0x55 4');
    const one = { masks: masks.slice(0, 1) };
    expect(verdict('validateRead', one)).to.equal(`8 0x0 0 ${event('03010001', '0030000000000000')}`);
    const written = { masks: [{ vtl: 1, unreadable: [], unwritable: [4n] }] };
    expect(verdict('validateRead', written)).to.equal('0 0x55 4');
    const event4 = event('03010101', '0040000000000000');
    expect(verdict('validateRead setPageTableBits', written)).to.equal(`8 0x0 0 ${event4} A4 A3 A2`);
    expect(verdict('validateRead', { ...one, unreadable: [3n] })).to.equal('5 0x3 0');
  });

  it('takes AC from the flags, of which the one that lifts SMAP wins', () => {
    const ac = { cr4: smap, ac: true };
    expect(verdict('validateRead', { machine: ac })).to.equal('0 0x55 4');
    expect(verdict('validateRead enforceSmap', { machine: ac })).to.equal('2 0x0 0');
    expect(verdict('validateRead enforceSmap overrideSmap', { machine: { cr4: smap } })).to.equal('0 0x55 4');
  });

  it('sets A as it goes and D in the end', () => {
    expect(verdict('validateRead setPageTableBits')).to.equal('0 0x55 4 A4 A3 A2 A1');
    expect(verdict('validateWrite setPageTableBits')).to.equal('0 0x55 4 A4 A3 A2 AD1');
    expect(verdict('validateWrite setPageTableBits', { entries: { [pde]: 0n } })).to.equal('1 0x0 0 A4 A3');
  });

  it('ends at the first entry that one of the accesses cannot pass', () => {
    // The fetch ends at the PDE, the write at the PTE.
    const entries = { [pde]: 0x4007n | xd, [pte]: 0x5_5005n };
    expect(verdict('validateWrite validateExecute setPageTableBits', { entries })).to.equal('2 0x0 0 A4 A3');
    expect(verdict('validateRead validateExecute', { entries, unreadable: [4n] })).to.equal('2 0x0 0');
    expect(verdict('validateRead', { entries, unreadable: [4n] })).to.equal('5 0x4 0');
  });

  it('asks for a shadow stack where it is to be one', () => {
    const entries = { [pte]: 0x5_5041n };
    expect(verdict('validateWrite shadowStack', { entries, machine: { cr4: cet } })).to.equal('0 0x55 6');
    expect(verdict('validateWrite', { entries, machine: { cr4: cet } })).to.equal('2 0x0 0');
    expect(verdict('validateRead shadowStack', { machine: { cr4: cet } })).to.equal('2 0x0 0');
  });

  it('knows flags that are none', () => {
    expect([0x01n, 0x7ffn, 0x1f00_0000_0000_0001n].map(isInvalidParameter)).to.deep.equal([false, false, false]);
    expect([0n, 0x7f8n, 0x801n, 0x2000_0000_0000_0001n, 0x80_0000_0000_0001n].map(isInvalidParameter)).to.deep.equal(
      Array(5).fill(true),
    );
  });
});

describe('referenceMemoryType', () => {
  const leaf = { pwt: false, pcd: false, pat: false };

  it('combines PAT and MTRR', () => {
    expect(referenceMemoryType(memoryTypes, leaf, 0x5000n)).to.equal('WB');
    expect(referenceMemoryType(memoryTypes, { ...leaf, pwt: true }, 0x5000n)).to.equal('WT');
    expect(referenceMemoryType(memoryTypes, { ...leaf, pcd: true }, 0x5000n)).to.equal('UC');
    expect(referenceMemoryType({ ...memoryTypes, mtrrDefType: 0x801n }, { ...leaf, pcd: true }, 0x5000n)).to.equal(
      'WC',
    );
    expect(referenceMemoryType({ ...memoryTypes, cr0: 0xc000_0011n }, leaf, 0x5000n)).to.equal('UC');
    expect(referenceMemoryType({ ...memoryTypes, mtrrDefType: 0x805n }, null, 0x5000n)).to.equal('WP');
  });

  it('reads the MTRRs', () => {
    const fixed = {
      ...memoryTypes,
      mtrrDefType: 0xc06n,
      mtrrFixed: [0n, 0n, 0x01n << 40n, 0x04n << 56n].concat(Array(7).fill(0n)),
    };
    // The sixth range of 16 KiB from 0xa0000, and the eighth of 4 KiB from 0xc0000.
    expect(referenceMtrrType(fixed, 0xb_4000n)).to.equal('WC');
    expect(referenceMtrrType(fixed, 0xc_7fffn)).to.equal('WT');
    expect(referenceMtrrType(fixed, 0xc_8000n)).to.equal('UC');
    const ranges = [
      { base: 0x8000_0004n, mask: 0xff_8000_0800n },
      { base: 0xc000_0000n, mask: 0xff_c000_0800n },
    ];
    const variable = { ...memoryTypes, mtrrVariable: ranges };
    expect(referenceMtrrType(variable, 0xbfff_ffffn)).to.equal('WT');
    expect(referenceMtrrType(variable, 0xc000_0000n)).to.equal('UC');
    expect(referenceMtrrType(variable, 0x1_0000_0000n)).to.equal('WB');
    expect(referenceMtrrType({ ...variable, mtrrDefType: 0x6n }, 0x1_0000_0000n)).to.equal('UC');
  });
});
