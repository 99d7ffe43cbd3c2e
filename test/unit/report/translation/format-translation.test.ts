import { expect } from 'chai';
import { COLOURED, formatTranslation, PLAIN } from '../../../../src/report/index.ts';
import { answerOf, type Case, REGISTERS } from '../../../support/schemas/reported-answer.ts';

/** The text as lines: an expectation then reads as the user sees it. */
function textOf(question: Case): string[] {
  const space = { cr3: question.registers.cr3, given: false };
  return formatTranslation(answerOf(question), space, PLAIN).split('\n');
}

/** Four levels down to a page at 0x5000, for linear addresses from 0xffff800000001000. */
const LONG = { 6144: 0x2007n, 8192: 0x3007n, 12288: 0x4007n };
const LINEAR = 0xffff_8000_0000_1123n;
const LONG_HEADING = '4-level paging, CR3 0x1000, vCPU 0';

function long(leaf: bigint, more: Partial<Case> = {}): Case {
  return { registers: REGISTERS['4-level'], entries: { ...LONG, 16392: leaf }, linearAddress: LINEAR, ...more };
}

describe('report/formatTranslation', () => {
  describe('an address that is mapped', () => {
    it('by a 4K page', () => {
      expect(textOf(long(0x5007n, { access: { user: true, write: true } }))).to.deep.equal([
        `0xffff800000001123  user write   ${LONG_HEADING}`,
        '└─ PML4[256]       0x1800: 0x0000000000002007  P RW US',
        '   └─ PDPT[0]      0x2000: 0x0000000000003007  P RW US',
        '      └─ PD[0]     0x3000: 0x0000000000004007  P RW US',
        '         └─ PT[1]  0x4008: 0x0000000000005007  P RW US',
        '✓ 0x5123 in RAM (pc.ram): 4K page, writable, user, executable',
        '',
      ]);
    });

    it('through tables that lie in ROM, where no bit can be set', () => {
      const region = { kind: 'rom', name: 'pc.ram' } as const;
      const inRom = [2, 1].map((level) => ({
        stage: 'guest' as const,
        level,
        address: 0x3000n + BigInt(level),
        region,
      }));
      expect(textOf(long(0x5007n, { inRom })).at(-2)).to.equal(
        '! in ROM (pc.ram), where no A or D bit can be set: PDE at 0x3002, PTE at 0x3001',
      );
    });

    it('by a 2M page, with every bit of a large page', () => {
      const entries = { 6144: 0x2003n, 8192: 0x3067n, 12288: 0x9000_0000_0040_11fbn };
      const question = { registers: REGISTERS['4-level'], entries, linearAddress: 0xffff_8000_0000_1123n };
      expect(textOf(question)).to.deep.equal([
        `0xffff800000001123  supervisor read   ${LONG_HEADING}`,
        '└─ PML4[256]    0x1800: 0x0000000000002003  P RW SU',
        '   └─ PDPT[0]   0x2000: 0x0000000000003067  P RW US A',
        '      └─ PD[0]  0x3000: 0x90000000004011fb  P RW SU XD A D PS G PAT PWT PCD key 2',
        '✓ 0x401123 in RAM (pc.ram): 2M page, writable, supervisor, not executable',
        '',
      ]);
    });

    it('by a 1G page of five levels, where nothing answers', () => {
      const entries = { 4096: 0x2007n, 8192: 0x3007n, 12296: 0x4000_0085n };
      const region = { kind: 'none', name: '' } as const;
      const question = { registers: REGISTERS['5-level'], entries, linearAddress: 0x4000_0000n, region };
      expect(textOf(question)).to.deep.equal([
        '0x0000000040000000  supervisor read   5-level paging, CR3 0x1000, vCPU 0',
        '└─ PML5[0]        0x1000: 0x0000000000002007  P RW US',
        '   └─ PML4[0]     0x2000: 0x0000000000003007  P RW US',
        '      └─ PDPT[1]  0x3008: 0x0000000040000085  P RO US PS',
        '✓ 0x40000000 not mapped to memory or a device: 1G page, read-only, user, executable',
        '',
      ]);
    });

    it('by a 4M page', () => {
      const region = { kind: 'device', name: 'vga.vram' } as const;
      const question = {
        registers: REGISTERS['32-bit'],
        entries: { 4100: 0x80_0087n },
        linearAddress: 0x40_0010n,
        region,
      };
      expect(textOf(question)).to.deep.equal([
        '0x00400010  supervisor read   32-bit paging, CR3 0x1000, vCPU 0',
        '└─ PD[1]  0x1004: 0x00800087  P RW US PS',
        '✓ 0x800010 in device memory (vga.vram): 4M page, writable, user, executable',
        '',
      ]);
    });

    it('in PAE mode, whose first entries have no rights', () => {
      const entries = { 4136: 0x2019n, 8192: 0x3007n, 12288: 0x8000_0000_0000_4180n | 7n };
      const question = { registers: REGISTERS.pae, entries, linearAddress: 0x4000_0000n };
      expect(textOf(question)).to.deep.equal([
        '0x40000000  supervisor read   PAE paging, CR3 0x1020, vCPU 0',
        '└─ PDPT[1]      0x1028: 0x0000000000002019  P PWT PCD',
        '   └─ PD[0]     0x2000: 0x0000000000003007  P RW US',
        '      └─ PT[0]  0x3000: 0x8000000000004187  P RW US XD G PAT',
        '✓ 0x4000 in RAM (pc.ram): 4K page, writable, user, not executable',
        '',
      ]);
    });

    it('because paging is off', () => {
      const region = { kind: 'rom', name: 'pc.bios' } as const;
      expect(textOf({ registers: REGISTERS.off, entries: {}, linearAddress: 0xffff_fff0n, region })).to.deep.equal([
        '0xfffffff0  supervisor read   paging off, vCPU 0',
        '✓ 0xfffffff0 in ROM (pc.bios): no paging, no access rights',
        '',
      ]);
    });
  });

  describe('a fault', () => {
    it('of a denied write: the topmost entry that denies is marked', () => {
      const entries = { ...LONG, 8192: 0x3005n, 16392: 0x5005n };
      const question = long(0n, { entries, access: { user: true, write: true } });
      expect(textOf(question)).to.deep.equal([
        `0xffff800000001123  user write   ${LONG_HEADING}`,
        '└─ PML4[256]       0x1800: 0x0000000000002007  P RW US',
        '   └─ PDPT[0]      0x2000: 0x0000000000003005  P RO US  ◄ responsible',
        '      └─ PD[0]     0x3000: 0x0000000000004007  P RW US',
        '         └─ PT[1]  0x4008: 0x0000000000005005  P RO US',
        '✗ PRIVILEGE_VIOLATION: user write denied by the PDPTE: the page is read-only (R/W=0)',
        '  #PF error code 0x7 (P W U)',
        '',
      ]);
    });

    it('of a denied fetch', () => {
      const question = long(0x8000_0000_0000_5007n, { access: { exec: true } });
      expect(textOf(question).slice(-4)).to.deep.equal([
        '         └─ PT[1]  0x4008: 0x8000000000005007  P RW US XD  ◄ responsible',
        '✗ PRIVILEGE_VIOLATION: supervisor fetch denied by the PTE: the page is not executable (XD=1)',
        '  #PF error code 0x11 (P I)',
        '',
      ]);
    });

    it('of a protection key', () => {
      const registers = { ...REGISTERS['4-level'], cr4: 0x40_0020n, pkru: 1 << 6 };
      const question = long(0x1800_0000_0000_5007n, { registers });
      expect(textOf(question).slice(-4)).to.deep.equal([
        '         └─ PT[1]  0x4008: 0x1800000000005007  P RW US key 3  ◄ responsible',
        '✗ PRIVILEGE_VIOLATION: supervisor read denied by the PTE: protection key 3 forbids it (PKRU)',
        '  #PF error code 0x21 (P PK)',
        '',
      ]);
    });

    it('of an entry that is not present: nothing but P is said of it', () => {
      expect(textOf(long(0xdead_beef_0000_0000n)).slice(-4)).to.deep.equal([
        '         └─ PT[1]  0x4008: 0xdeadbeef00000000  P=0      ◄ responsible',
        '✗ NOT_PRESENT: not present: the PTE has P=0',
        '  #PF error code 0x0 (no bit set)',
        '',
      ]);
    });

    it('of reserved bits, PS of a PML4E among them', () => {
      const question = long(0n, { entries: { 6144: 0x2087n } });
      expect(textOf(question)).to.deep.equal([
        `0xffff800000001123  supervisor read   ${LONG_HEADING}`,
        '└─ PML4[256]  0x1800: 0x0000000000002087  P RW US PS  ◄ responsible',
        '✗ RESERVED_BITS: reserved bit 7 set in the PML4E',
        '  #PF error code 0x9 (P RSVD)',
        '',
      ]);
    });

    it('of a table that is nowhere: the entry that could not be read ends the tree', () => {
      const entries = { 6144: 0x2007n, 8192: 0x3007n, 12288: 0x70_0000_0007n };
      expect(textOf(long(0n, { entries }))).to.deep.equal([
        `0xffff800000001123  supervisor read   ${LONG_HEADING}`,
        '└─ PML4[256]             0x1800: 0x0000000000002007  P RW US',
        '   └─ PDPT[0]            0x2000: 0x0000000000003007  P RW US',
        '      └─ PD[0]           0x3000: 0x0000007000000007  P RW US',
        '         └─ PT[1]  0x7000000008: not memory                   ◄ responsible',
        '✗ INVALID_GPA: no memory holds the PTE',
        '  #PF (the architecture defines no error code for this)',
        '',
      ]);
    });

    it('of a root that is nowhere, in the formats with other entries', () => {
      const pae = textOf({ registers: { ...REGISTERS.pae, cr3: 0x7_0020n }, entries: {}, linearAddress: 0xc000_0000n });
      expect(pae[1]).to.equal('└─ PDPT[3]  0x70038: not memory  ◄ responsible');
      const legacy = textOf({
        registers: { ...REGISTERS['32-bit'], cr3: 0x7_0000n },
        entries: {},
        linearAddress: 0xffc0_0000n,
      });
      expect(legacy[1]).to.equal('└─ PD[1023]  0x70ffc: not memory  ◄ responsible');
    });

    it('of an address that is not canonical', () => {
      expect(textOf(long(0n, { linearAddress: 0x5000_0000_0000_0000n }))).to.deep.equal([
        `0x5000000000000000  supervisor read   ${LONG_HEADING}`,
        '✗ INVALID_GVA: the address is not canonical: bits 63:47 differ (48-bit linear addresses)',
        '  #GP error code 0x0',
        '',
      ]);
    });

    it('of an address that the mode cannot form', () => {
      expect(textOf({ registers: REGISTERS.off, entries: {}, linearAddress: 1n << 32n })).to.deep.equal([
        '0x100000000  supervisor read   paging off, vCPU 0',
        '✗ INVALID_GVA: the address is above 32 bits and the paging mode is off',
        '  #GP (the architecture defines no error code for this)',
        '',
      ]);
    });
  });

  describe('accessed and dirty bits', () => {
    const write = { write: true };
    const both = { setAccessed: true, setDirty: true };

    it('are shown where they were set, beside the entry as it was', () => {
      const entries = { ...LONG, 8192: 0x3027n };
      expect(
        textOf(long(0n, { entries: { ...entries, 16392: 0x5007n }, access: write, flags: both })).slice(1),
      ).to.deep.equal([
        '└─ PML4[256]       0x1800: 0x0000000000002007  P RW US    +A',
        '   └─ PDPT[0]      0x2000: 0x0000000000003027  P RW US A',
        '      └─ PD[0]     0x3000: 0x0000000000004007  P RW US    +A',
        '         └─ PT[1]  0x4008: 0x0000000000005007  P RW US    +A +D',
        '✓ 0x5123 in RAM (pc.ram): 4K page, writable, user, executable',
        '  set in guest memory: A in the PML4E, PDE, PTE; D in the PTE',
        '',
      ]);
    });

    it('that were set before are said to have been', () => {
      const entries = { 6144: 0x2027n, 8192: 0x3027n, 12288: 0x4027n, 16392: 0x5067n };
      expect(textOf(long(0n, { entries, access: write, flags: both })).at(-2)).to.equal(
        '  nothing to set: every bit asked for was set before',
      );
    });

    it('that could not be set are named, with the entry', () => {
      const question = long(0x5007n, { access: write, flags: both, readOnlyLevels: [2] });
      expect(textOf(question).slice(-3)).to.deep.equal([
        '  set in guest memory: A in the PML4E, PDPTE, PTE; D in the PTE',
        '  could not be set, as the entry is not in writable RAM or did not stay the same: A in the PDE',
        '',
      ]);
    });

    it('are not set when the translation fails', () => {
      expect(textOf(long(0n, { flags: { setAccessed: true } })).at(-2)).to.equal(
        '  no bits set: the translation failed and --force-set-accessed was not given',
      );
    });

    it('are not set, however forced, for an address that no entry is looked up for', () => {
      const flags = { setAccessed: true, forceSetAccessed: true };
      expect(textOf(long(0n, { flags, linearAddress: 0x5000_0000_0000_0000n })).at(-2)).to.equal(
        '  no bits set: the address itself is refused, before any entry',
      );
    });

    it('are set above the responsible entry when forced', () => {
      const question = long(0n, { flags: { setAccessed: true, forceSetAccessed: true } });
      expect(textOf(question).slice(1)).to.deep.equal([
        '└─ PML4[256]       0x1800: 0x0000000000002007  P RW US  +A',
        '   └─ PDPT[0]      0x2000: 0x0000000000003007  P RW US  +A',
        '      └─ PD[0]     0x3000: 0x0000000000004007  P RW US  +A',
        '         └─ PT[1]  0x4008: 0x0000000000000000  P=0          ◄ responsible',
        '✗ NOT_PRESENT: not present: the PTE has P=0',
        '  #PF error code 0x0 (no bit set)',
        '  set in guest memory: A in the PML4E, PDPTE, PDE',
        '',
      ]);
    });
  });

  it('lists what was assumed', () => {
    const pkru = { name: 'pkru', value: 0, cause: { code: 'no-qmp' } as const, decides: true };
    const ran = {
      name: 'runState',
      value: 'running',
      cause: { code: 'stub-tells-no-run-state' } as const,
      decides: false,
    };
    expect(textOf(long(0x5007n, { assumed: [pkru, ran] })).slice(-3)).to.deep.equal([
      '! assumed: PKRU=0x0 (the GDB stub does not show it, and there is no QMP); the outcome depends on it',
      '! assumed: the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
      '',
    ]);
  });

  it('says where the machine that runs the guest would answer otherwise', () => {
    const { translation: outcome } = answerOf(long(0x5006n));
    const deviation = { machine: { accelerator: 'tcg', qemuVersion: [7, 2, 22] }, outcome } as const;
    expect(textOf(long(0x5007n, { deviation })).at(-2)).to.equal(
      "! this machine differs: QEMU 7.2.22's TCG raises #PF with error code 0x0 (not present: the PTE has P=0)",
    );
  });

  it('shows the address that was walked when a tag was taken off', () => {
    // CR4.LAM_SUP (bit 28): bits 62:47 of a supervisor address are a tag.
    const registers = { ...REGISTERS['4-level'], cr4: 0x1000_0020n };
    const lines = textOf(long(0x5007n, { registers, linearAddress: 0xab00_8000_0000_1123n | (1n << 63n) }));
    expect(lines[0]).to.equal(`0xab00800000001123 walked as 0xffff800000001123  supervisor read   ${LONG_HEADING}`);
    expect(lines.at(-2)).to.match(/^✓ 0x5123 /);
  });

  it('says that CR3 was given, and which vCPU it was', () => {
    const answer = { ...answerOf(long(0x5007n)), cpu: 3 };
    const text = formatTranslation(answer, { cr3: 0x1000n, given: true }, PLAIN);
    expect(text.split('\n')[0]).to.equal(
      '0xffff800000001123  supervisor read   4-level paging, CR3 0x1000 (given), vCPU 3',
    );
  });

  it('has colours, and the same text without them', () => {
    const question = long(0x5005n, {
      access: { user: true, write: true },
      flags: { setAccessed: true, forceSetAccessed: true },
    });
    const space = { cr3: 0x1000n, given: false };
    const coloured = formatTranslation(answerOf(question), space, COLOURED);
    expect(coloured).to.contain('\u001b[33m◄ responsible\u001b[39m');
    expect(coloured).to.contain('\u001b[31m0x0000000000005005\u001b[39m');
    expect(coloured).to.contain('\u001b[32m+A\u001b[39m');
    expect(coloured).to.contain('\u001b[31m✗\u001b[39m');
    const plain = formatTranslation(answerOf(question), space, PLAIN);
    expect(plain).to.not.contain('\u001b');
    expect(coloured.replaceAll(/\p{Cc}\[\d+m/gu, '')).to.equal(plain);
  });
});
