import { expect } from 'chai';
import { memoryOf } from '../../support/builders/hand-made-memory.ts';
import { hex } from '../../support/judge/describe-translation.ts';
import { formatVerdict } from '../../support/judge/format-verdict.ts';
import type { MachineChanges } from '../../support/reference/reference-machine.ts';
import { accessOf, controlBits, machineIn } from '../../support/reference/reference-machine.ts';
import { referencePlan } from '../../support/reference/reference-plan.ts';
import type { ReferenceMode } from '../../support/reference/reference-translation.ts';
import { referenceTranslate } from '../../support/reference/reference-walker.ts';

const { smep, smap, pke, pks, pse } = controlBits.cr4;
const xd = 1n << 63n;

function verdict(
  mode: ReferenceMode,
  entries: Readonly<Record<string, bigint>>,
  linear: bigint,
  access: string,
  changes: MachineChanges = {},
): string {
  return formatVerdict(referenceTranslate(machineIn(mode, changes), memoryOf(entries), linear, accessOf(access)));
}

// Linear 0x0000_1234_5678_9abc: PML4 index 36, PDPT 209, PD 179, PT 393, offset 0xabc.
const linear = 0x1234_5678_9abcn;
const pml4e = '0x1120'; // 0x1000 + 36 * 8
const pdpte = '0x2688'; // 0x2000 + 209 * 8
const pde = '0x3598'; // 0x3000 + 179 * 8
const pte = '0x4c48'; // 0x4000 + 393 * 8
const open = { [pml4e]: 0x2007n, [pdpte]: 0x3007n, [pde]: 0x4007n, [pte]: 0x5007n };

describe('referenceTranslate', () => {
  it('leaves addresses alone without paging', () => {
    expect(verdict('off', {}, 0xffff_ffffn, 'uw')).to.equal('0xffffffff null wux');
    expect(verdict('off', {}, 0x1_0000_0000n, '')).to.equal('out-of-range -');
  });

  describe('with four levels', () => {
    it('finds 4 KiB, 2 MiB and 1 GiB pages', () => {
      expect(verdict('4-level', open, linear, 'uw')).to.equal('0x5abc 4096 wux');
      // 2 MiB offset: bits 20:0 of the address, 0x189abc.
      expect(verdict('4-level', { ...open, [pde]: 0x4000_1087n }, linear, '')).to.equal('0x40189abc 2097152 wux');
      // 1 GiB offset: bits 29:0, 0x16789abc.
      expect(verdict('4-level', { ...open, [pdpte]: 0x12_4000_0087n }, linear, '')).to.equal(
        '0x1256789abc 1073741824 wux',
      );
    });

    it('stops at an entry that is not present, whatever else it holds', () => {
      expect(verdict('4-level', { ...open, [pte]: ~1n & 0xffff_ffff_ffff_ffffn }, linear, 'uw')).to.equal(
        'not-present 6 1:0x4c48',
      );
      expect(verdict('4-level', { ...open, [pdpte]: 0n }, linear, 'x')).to.equal('not-present 10 3:0x2688');
      expect(verdict('4-level', { ...open, [pdpte]: 0n }, linear, 'x', { nxe: false })).to.equal(
        'not-present 0 3:0x2688',
      );
      expect(verdict('4-level', { ...open, [pdpte]: 0n }, linear, 'x', { nxe: false, cr4: smep })).to.equal(
        'not-present 10 3:0x2688',
      );
    });

    it('refuses reserved bits at every level', () => {
      for (const [address, value, changes, text] of [
        [pml4e, 0x2087n, {}, '4:0x1120'],
        [pml4e, 0x2107n, { vendor: 'amd' }, '4:0x1120'],
        [pdpte, 0x4000_0087n, { pdpe1gb: false }, '3:0x2688'],
        [pdpte, 0x4000_2087n, {}, '3:0x2688'],
        [pdpte, 0x6000_0087n, {}, '3:0x2688'],
        [pde, 0x4000_2087n, {}, '2:0x3598'],
        [pde, 0x4010_0087n, {}, '2:0x3598'],
        [pde, (1n << 40n) | 0x4007n, {}, '2:0x3598'],
        [pte, (1n << 51n) | 0x5007n, { maxPhyAddr: 51 }, '1:0x4c48'],
        [pte, xd | 0x5007n, { nxe: false }, '1:0x4c48'],
      ] as const) {
        expect(verdict('4-level', { ...open, [address]: value }, linear, 'uw', changes)).to.equal(
          `reserved-bits f ${text}`,
        );
      }
    });

    it('ignores what the manual ignores', () => {
      for (const [address, value, changes] of [
        [pml4e, 0x2f47n, {}],
        [pdpte, 0x3f47n, { vendor: 'amd' }],
        [pde, 0x7ff0_0000_0000_4f47n, {}],
        [pte, 0x7ff0_0000_0000_5fc7n, {}],
        [pte, 0x7ff0_0000_0000_5fc7n, { maxPhyAddr: 52 }],
      ] as const) {
        expect(verdict('4-level', { ...open, [address]: value }, linear, 'uw', changes)).to.equal('0x5abc 4096 wux');
      }
    });

    it('needs each right at each level, and blames the topmost entry without it', () => {
      for (const [address, name] of [
        [pml4e, '4:0x1120'],
        [pdpte, '3:0x2688'],
        [pde, '2:0x3598'],
        [pte, '1:0x4c48'],
      ] as const) {
        const value = open[address] ?? 0n;
        expect(verdict('4-level', { ...open, [address]: value & ~4n }, linear, 'u')).to.equal(
          `privilege-violation 5 ${name}`,
        );
        expect(verdict('4-level', { ...open, [address]: value & ~4n }, linear, 'w')).to.equal('0x5abc 4096 w-x');
        expect(verdict('4-level', { ...open, [address]: value & ~2n }, linear, 'w')).to.equal(
          `privilege-violation 3 ${name}`,
        );
        expect(verdict('4-level', { ...open, [address]: value | xd }, linear, 'x')).to.equal(
          `privilege-violation 11 ${name}`,
        );
        expect(verdict('4-level', { ...open, [address]: value | xd }, linear, 'uw')).to.equal('0x5abc 4096 wu-');
      }
    });

    it('lets CR0.WP=0 excuse a supervisor write and no other', () => {
      const readOnly = { ...open, [pde]: 0x4005n };
      expect(verdict('4-level', readOnly, linear, 'w', { wp: false })).to.equal('0x5abc 4096 -ux');
      expect(verdict('4-level', readOnly, linear, 'uw', { wp: false })).to.equal('privilege-violation 7 2:0x3598');
    });

    it('reaches the leaf before it judges rights', () => {
      const closedAbove = { ...open, [pml4e]: 0x2001n, [pte]: 0n };
      expect(verdict('4-level', closedAbove, linear, 'uw')).to.equal('not-present 6 1:0x4c48');
      expect(verdict('4-level', { ...closedAbove, [pte]: (1n << 50n) | 7n }, linear, 'uw')).to.equal(
        'reserved-bits f 1:0x4c48',
      );
    });

    it('applies SMEP and SMAP to user pages only, and blames the leaf', () => {
      const supervisorAbove = { ...open, [pml4e]: 0x2003n };
      expect(verdict('4-level', open, linear, 'x', { cr4: smep })).to.equal('privilege-violation 11 1:0x4c48');
      expect(verdict('4-level', open, linear, 'x', { cr4: smep, nxe: false })).to.equal(
        'privilege-violation 11 1:0x4c48',
      );
      expect(verdict('4-level', supervisorAbove, linear, 'x', { cr4: smep })).to.equal('0x5abc 4096 w-x');
      expect(verdict('4-level', open, linear, '', { cr4: smap })).to.equal('privilege-violation 1 1:0x4c48');
      expect(verdict('4-level', open, linear, 'w', { cr4: smap, ac: true })).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', open, linear, 'wi', { cr4: smap, ac: true })).to.equal(
        'privilege-violation 3 1:0x4c48',
      );
      expect(verdict('4-level', open, linear, 'x', { cr4: smap })).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', supervisorAbove, linear, '', { cr4: smap })).to.equal('0x5abc 4096 w-x');
    });

    it('judges an implicit access as the supervisor, in either mode', () => {
      const supervisor = { ...open, [pte]: 0x5003n };
      expect(verdict('4-level', supervisor, linear, 'ui')).to.equal('0x5abc 4096 w-x');
      expect(verdict('4-level', { ...open, [pte]: 0n }, linear, 'ui')).to.equal('not-present 0 1:0x4c48');
    });

    it('applies PKRU to user pages by the key of the leaf', () => {
      // Key 5 in the leaf, key 2 above it; PKRU bits 10 (AD) and 11 (WD) belong to key 5.
      const keyed = { ...open, [pde]: (2n << 59n) | 0x4007n, [pte]: (5n << 59n) | 0x5007n };
      const access = { cr4: pke, pkru: 0x400 };
      const write = { cr4: pke, pkru: 0x800 };
      expect(verdict('4-level', keyed, linear, '', access)).to.equal('privilege-violation 21 1:0x4c48');
      expect(verdict('4-level', keyed, linear, 'ux', access)).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', keyed, linear, 'u', write)).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', keyed, linear, 'w', write)).to.equal('privilege-violation 23 1:0x4c48');
      expect(verdict('4-level', keyed, linear, 'w', { ...write, wp: false })).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', keyed, linear, 'uw', { ...write, wp: false })).to.equal(
        'privilege-violation 27 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'uw', { cr4: pke, pkru: 0x30 })).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', keyed, linear, 'uw', { pkru: 0xffff_ffff })).to.equal('0x5abc 4096 wux');
      const readOnly = { ...keyed, [pdpte]: 0x3005n };
      expect(verdict('4-level', readOnly, linear, 'uw', write)).to.equal('privilege-violation 27 3:0x2688');
    });

    it('applies PKRS to supervisor pages, beside U/S too where a user makes the access', () => {
      const keyed = { ...open, [pte]: (5n << 59n) | 0x5003n };
      expect(verdict('4-level', keyed, linear, '', { cr4: pks, pkrs: 0x400 })).to.equal(
        'privilege-violation 21 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'w', { cr4: pks, pkrs: 0x800 })).to.equal(
        'privilege-violation 23 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'w', { cr4: pks, pkrs: 0x800, wp: false })).to.equal('0x5abc 4096 w-x');
      expect(verdict('4-level', keyed, linear, 'u', { cr4: pks, pkrs: 0x400 })).to.equal(
        'privilege-violation 25 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'uw', { cr4: pks, pkrs: 0x400 })).to.equal(
        'privilege-violation 27 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'uw', { cr4: pks, pkrs: 0x800 })).to.equal(
        'privilege-violation 27 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'uw', { cr4: pks, pkrs: 0x800, wp: false })).to.equal(
        'privilege-violation 7 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'ux', { cr4: pks, pkrs: 0xc00 })).to.equal(
        'privilege-violation 15 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, 'u', { cr4: pke, pkru: 0xc00 })).to.equal(
        'privilege-violation 5 1:0x4c48',
      );
      expect(verdict('4-level', keyed, linear, '', { cr4: pke, pkru: 0x400 })).to.equal('0x5abc 4096 w-x');
    });

    it('refuses addresses that are not canonical', () => {
      expect(verdict('4-level', open, 0x8000_0000_0000n, '')).to.equal('non-canonical 0');
      expect(verdict('4-level', open, 0xffff_7fff_ffff_ffffn, 'uw')).to.equal('non-canonical 0');
      expect(verdict('4-level', open, 0xffff_8000_0000_0000n, '')).to.equal('not-present 0 4:0x1800');
      expect(verdict('4-level', open, 0x7fff_ffff_ffffn, '')).to.equal('not-present 0 4:0x17f8');
    });

    it('says which entry is in no memory', () => {
      expect(verdict('4-level', { ...open, [pde]: 0x20_0007n }, linear, 'w')).to.equal('unbacked-table - 1:0x200c48');
    });
  });

  describe('with four levels, in later processors', () => {
    it('walks an address without the tag that LAM masks, and names it', () => {
      const changes = { cr3: controlBits.cr3.lamU57 | 0x1000n };
      const tagged = 0x7a00_0000_0000_0000n | linear;
      expect(verdict('4-level', open, tagged, 'uw', changes)).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', open, tagged, 'ux', changes)).to.equal('non-canonical 0');
      const walked = (access: string) =>
        referenceTranslate(machineIn('4-level', changes), memoryOf(open), tagged, accessOf(access)).untaggedAddress;
      expect(hex(walked('u'))).to.equal('0x123456789abc');
      expect(hex(walked('ux'))).to.equal('0x7a00123456789abc');
    });

    it('separates the halves by LASS before it looks at any entry', () => {
      const changes = { cr4: controlBits.cr4.lass };
      expect(verdict('4-level', open, linear, 'x', changes)).to.equal('lass 0');
      expect(verdict('4-level', open, linear, '', changes)).to.equal('0x5abc 4096 wux');
      expect(verdict('4-level', open, linear, '', { cr4: controlBits.cr4.lass | smap })).to.equal('lass 0');
      expect(verdict('4-level', open, 0xffff_8000_0000_0000n, 'u', changes)).to.equal('lass 0');
      expect(verdict('4-level', open, 0xffff_7fff_0000_0000n, 'u', changes)).to.equal('non-canonical 0');
    });

    it('knows a shadow-stack page by R/W=0 and D=1 in the leaf and R/W=1 above it', () => {
      const cet = { cr4: controlBits.cr4.cet };
      const stack = { ...open, [pte]: 0x5045n };
      expect(verdict('4-level', stack, linear, 'ku', cet)).to.equal('0x5abc 4096 -ux');
      expect(verdict('4-level', stack, linear, 'wku', cet)).to.equal('0x5abc 4096 -ux');
      expect(verdict('4-level', stack, linear, 'wk', cet)).to.equal('privilege-violation 43 1:0x4c48');
      expect(verdict('4-level', { ...open, [pte]: 0x5005n }, linear, 'ku', cet)).to.equal(
        'privilege-violation 45 1:0x4c48',
      );
      expect(verdict('4-level', { ...stack, [pdpte]: 0x3005n }, linear, 'ku', cet)).to.equal(
        'privilege-violation 45 3:0x2688',
      );
      expect(verdict('4-level', { ...stack, [pte]: 0x5041n }, linear, 'wk', cet)).to.equal('0x5abc 4096 --x');
      expect(verdict('4-level', { ...stack, [pde]: 0x4003n }, linear, 'ku', cet)).to.equal(
        'privilege-violation 45 2:0x3598',
      );
    });

    it('takes bit 20 and the C-bit out of addresses', () => {
      const marked = 1n << 47n;
      const entries = { [pml4e]: 0x10_2007n | marked, [pdpte]: 0x3007n, [pde]: 0x4007n, [pte]: 0x30_5007n | marked };
      const changes = { a20: false, encryptionBit: 47, cr3: 0x10_1000n | marked };
      expect(verdict('4-level', entries, linear, '', changes)).to.equal('0x205abc 4096 wux');
      expect(verdict('4-level', entries, linear, '', { ...changes, encryptionBit: 46 })).to.equal(
        'reserved-bits 9 4:0x1120',
      );
    });
  });

  describe('with five levels', () => {
    // Bits 56:48 of 0x00ab_1234_5678_9abc are 0xab; the PML5 lies at 0x6000, so its entry is 0x6000 + 171 * 8.
    const high = 0xab_1234_5678_9abcn;
    const pml5e = '0x6558';
    const tables = { ...open, [pml5e]: 0x1007n };

    it('reads one table more, with the rules of a PML4E', () => {
      expect(verdict('5-level', tables, high, 'uw', { cr3: 0x6000n })).to.equal('0x5abc 4096 wux');
      expect(verdict('5-level', { ...tables, [pml5e]: 0x1087n }, high, '', { cr3: 0x6000n })).to.equal(
        'reserved-bits 9 5:0x6558',
      );
      expect(verdict('5-level', { ...tables, [pml5e]: 0x1003n }, high, 'u', { cr3: 0x6000n })).to.equal(
        'privilege-violation 5 5:0x6558',
      );
    });

    it('has 57-bit canonical addresses', () => {
      expect(verdict('5-level', tables, 0x0100_0000_0000_0000n, '', { cr3: 0x6000n })).to.equal('non-canonical 0');
      expect(verdict('5-level', tables, 0xff00_0000_0000_0000n, '', { cr3: 0x6000n })).to.equal(
        'not-present 0 5:0x6800',
      );
    });
  });

  describe('in PAE mode', () => {
    // Linear 0xc567_89ab: PDPT index 3, PD 43, PT 120, offset 0x9ab. CR3 0x1fe0: the PDPT ends its page.
    const address = 0xc567_89abn;
    const pointer = '0x1ff8';
    const directory = '0x3158'; // 0x3000 + 43 * 8
    const table = '0x43c0'; // 0x4000 + 120 * 8
    const tables = { [pointer]: 0x3001n, [directory]: 0x4007n, [table]: 0x5007n };
    const cr3 = 0x1fe0n;

    it('takes no rights from the PDPTE', () => {
      expect(verdict('pae', tables, address, 'uw', { cr3 })).to.equal('0x59ab 4096 wux');
      expect(verdict('pae', { ...tables, [directory]: 0xa0_0087n }, address, 'uw', { cr3 })).to.equal(
        '0xa789ab 2097152 wux',
      );
    });

    it('refuses reserved bits of each kind', () => {
      for (const position of [1n, 2n, 5n, 6n, 7n, 8n, 40n, 52n, 62n, 63n]) {
        const entries = { ...tables, [pointer]: 0x3001n | (1n << position) };
        expect(verdict('pae', entries, address, '', { cr3 }), `bit ${position}`).to.equal('reserved-bits 9 3:0x1ff8');
      }
      for (const position of [3n, 4n, 9n, 10n, 11n]) {
        const entries = { ...tables, [pointer]: 0x3001n | (1n << position) };
        expect(verdict('pae', entries, address, '', { cr3 }), `bit ${position}`).to.equal('0x59ab 4096 wux');
      }
      for (const position of [40n, 51n, 52n, 58n, 59n, 62n]) {
        const entries = { ...tables, [table]: 0x5007n | (1n << position) };
        expect(verdict('pae', entries, address, '', { cr3 }), `bit ${position}`).to.equal('reserved-bits 9 1:0x43c0');
      }
      expect(verdict('pae', { ...tables, [table]: xd | 0x5007n }, address, '', { cr3 })).to.equal('0x59ab 4096 wu-');
      expect(verdict('pae', { ...tables, [table]: xd | 0x5007n }, address, '', { cr3, nxe: false })).to.equal(
        'reserved-bits 9 1:0x43c0',
      );
    });

    it('uses the PDPTE registers where they are known', () => {
      const pdptes = [0n, 0n, 0n, 0x3001n] as const;
      expect(verdict('pae', { ...tables, [pointer]: 0n }, address, 'uw', { cr3, pdptes })).to.equal('0x59ab 4096 wux');
      expect(verdict('pae', tables, address & 0x3fff_ffffn, 'w', { cr3, pdptes })).to.equal('not-present 2 3:0x1fe0');
    });

    it('has no keys and no long addresses', () => {
      expect(verdict('pae', tables, address, 'uw', { cr3, cr4: pke | pks, pkru: 0xffff_ffff })).to.equal(
        '0x59ab 4096 wux',
      );
      expect(verdict('pae', tables, 0x1_0000_0000n, '', { cr3 })).to.equal('out-of-range -');
    });
  });

  describe('in 32-bit mode', () => {
    // Linear 0xc567_89ab: PD index 789, PT 632, offset 0x9ab.
    const address = 0xc567_89abn;
    const directory = '0x1c54'; // 0x1000 + 789 * 4
    const table = '0x29e0'; // 0x2000 + 632 * 4
    const tables = { [directory]: 0x2007n, [table]: 0xffff_f007n };

    it('finds 4 KiB pages, and 4 MiB pages only with CR4.PSE', () => {
      expect(verdict('32-bit', tables, address, 'uw')).to.equal('0xfffff9ab 4096 wux');
      expect(verdict('32-bit', { ...tables, [directory]: 0x2087n }, address, 'uw')).to.equal('0xfffff9ab 4096 wux');
      // The offset is bits 21:0, 0x27_89ab. Bits 20:13, 0x01 and 0x81, are address bits 39:32.
      expect(verdict('32-bit', { [directory]: 0x8000_2087n }, address, '', { cr4: pse })).to.equal(
        '0x1802789ab 4194304 wux',
      );
      expect(verdict('32-bit', { [directory]: 0x8010_2087n }, address, '', { cr4: pse })).to.equal(
        '0x81802789ab 4194304 wux',
      );
    });

    it('reserves the address bits that the processor does not have', () => {
      const at = (position: bigint, changes: MachineChanges) =>
        verdict('32-bit', { [directory]: 0x8000_0087n | (1n << position) }, address, 'w', { cr4: pse, ...changes });
      expect(at(21n, {})).to.equal('reserved-bits b 2:0x1c54');
      expect(at(20n, { maxPhyAddr: 39 })).to.equal('reserved-bits b 2:0x1c54');
      expect(at(17n, { maxPhyAddr: 36 })).to.equal('reserved-bits b 2:0x1c54');
      expect(at(16n, { maxPhyAddr: 36 })).to.equal('0x8802789ab 4194304 wux');
      expect(at(20n, { maxPhyAddr: 52 })).to.equal('0x80802789ab 4194304 wux');
      expect(at(13n, { pse36: false })).to.equal('reserved-bits b 2:0x1c54');
      expect(at(12n, { pse36: false })).to.equal('0x802789ab 4194304 wux');
    });

    it('has no execute-disable, though EFER.NXE is set', () => {
      expect(verdict('32-bit', { ...tables, [table]: 0n }, address, 'x')).to.equal('not-present 0 1:0x29e0');
      expect(verdict('32-bit', { ...tables, [table]: 0n }, address, 'x', { cr4: smep })).to.equal(
        'not-present 10 1:0x29e0',
      );
    });
  });
});

describe('referencePlan', () => {
  const all = { setAccessed: true, setDirty: true, forceSetAccessed: true };
  const plan = (entries: Readonly<Record<string, bigint>>, access: string, flags: Partial<typeof all>) =>
    referencePlan(
      referenceTranslate(machineIn('4-level'), memoryOf(entries), linear, accessOf(access)),
      { setAccessed: false, setDirty: false, forceSetAccessed: false, ...flags },
      false,
    ).map((bits) => `${bits.level}${bits.accessed ? 'A' : ''}${bits.dirty ? 'D' : ''}`);

  it('asks for nothing without flags', () => {
    expect(plan(open, 'w', {})).to.deep.equal([]);
  });

  it('asks for A everywhere and D in the leaf', () => {
    expect(plan(open, 'w', { setAccessed: true })).to.deep.equal(['4A', '3A', '2A', '1A']);
    expect(plan(open, 'w', { setAccessed: true, setDirty: true })).to.deep.equal(['4A', '3A', '2A', '1AD']);
  });

  it('leaves out what is there', () => {
    const used = { ...open, [pdpte]: 0x3027n, [pte]: 0x5027n };
    expect(plan(used, 'w', all)).to.deep.equal(['4A', '2A', '1D']);
  });

  it('sets on failure only what was passed, only with force, and never D', () => {
    const missing = { ...open, [pte]: 0n };
    expect(plan(missing, 'w', { setAccessed: true, setDirty: true })).to.deep.equal([]);
    expect(plan(missing, 'w', all)).to.deep.equal(['4A', '3A', '2A']);
    expect(plan({ ...open, [pml4e]: 0x2005n }, 'w', all)).to.deep.equal([]);
    expect(plan({ ...open, [pde]: 0x4005n }, 'w', all)).to.deep.equal(['4A', '3A']);
    expect(plan({ ...open, [pte]: 0x5005n }, 'w', all)).to.deep.equal(['4A', '3A', '2A']);
    expect(plan({ ...open, [pde]: 0x20_0007n }, 'w', all)).to.deep.equal(['4A', '3A', '2A']);
  });

  it('writes nothing to a PAE PDPTE', () => {
    const entries = { '0x1ff8': 0x3001n, '0x3158': 0x4007n, '0x43c0': 0x5007n };
    const result = referenceTranslate(
      machineIn('pae', { cr3: 0x1fe0n }),
      memoryOf(entries),
      0xc567_89abn,
      accessOf('w'),
    );
    expect(referencePlan(result, all, true).map((bits) => bits.level)).to.deep.equal([2, 1]);
  });
});
