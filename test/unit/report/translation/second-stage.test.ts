import { expect } from 'chai';
import {
  createContext,
  createEpt,
  createNpt,
  type NestedContext,
  translateNested,
} from '../../../../src/paging/index.ts';
import { PLAIN } from '../../../../src/report/index.ts';
import { encodeSecondStage } from '../../../../src/report/translation/encode-second-stage.ts';
import { formatSecondStage } from '../../../../src/report/translation/format-second-stage.ts';
import { formatVerdict } from '../../../../src/report/translation/format-verdict.ts';
import type { ReportedTranslation } from '../../../../src/report/translation/reported-translation.ts';

const READ = { write: false, user: false, exec: false };
const NO_FLAGS = { setAccessed: false, setDirty: false, forceSetAccessed: false };
const GUEST = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40 });
const HOST = { cr0: 0x8001_0011n, nestedCr3: 0x10_0000n, cr4: 0x20n, efer: 0xd00n };
const NPT = createNpt(HOST, { maxPhyAddr: 40 });
const EPT = createEpt(0x10_005en, { maxPhyAddr: 40 });

/** The guest's tables lie at 0x1000 ff. of its memory; that memory is one large page of the host's, at 0x4000_0000. */
function entriesWith(changed: Readonly<Record<number, bigint>>): (address: bigint) => bigint | null {
  const entries: Readonly<Record<number, bigint>> = {
    [0x4000_1000]: 0x2027n,
    [0x4000_2000]: 0x3027n,
    [0x4000_3000]: 0x4027n,
    [0x4000_4028]: 0x5027n,
    ...changed,
  };
  return (address) => entries[Number(address)] ?? null;
}

const OPEN_NPT = { [0x10_0000]: 0x10_1067n, [0x10_1000]: 0x4000_00e7n };
const OPEN_EPT = { [0x10_0000]: 0x10_1107n, [0x10_1000]: 0x5400_0000_4000_03f7n };

function secondOf(
  nested: NestedContext,
  entries: Readonly<Record<number, bigint>>,
  access = READ,
): Pick<ReportedTranslation, 'nested'> {
  const memory = { readEntry: entriesWith(entries) };
  return { nested: { translation: translateNested(GUEST, nested, memory, 0x5123n, access), wrote: [] } };
}

const linesOf = (second: Pick<ReportedTranslation, 'nested'>): readonly string[] =>
  formatSecondStage(second as ReportedTranslation, PLAIN);

describe('report/formatSecondStage', () => {
  it('is nothing where there is one stage', () => {
    expect(linesOf({ nested: null })).to.deep.equal([]);
  });

  it('shows once what all walks go through, below the addresses that it is for', () => {
    expect(linesOf(secondOf(NPT, OPEN_NPT))).to.deep.equal([
      'second stage',
      '  PML4E at L2 physical 0x1000 → L1 physical 0x40001000',
      '  PDPTE at L2 physical 0x2000 → L1 physical 0x40002000',
      '  PDE at L2 physical 0x3000 → L1 physical 0x40003000',
      '  PTE at L2 physical 0x4028 → L1 physical 0x40004028',
      '  page at L2 physical 0x5123 → L1 physical 0x40005123',
      '    PML4[0] 0x100000: 0x0000000000101067  P RW US A',
      '    PDPT[0] 0x101000: 0x00000000400000e7  P RW US A D PS',
    ]);
  });

  it('shows what tables above four levels hold, and in PAE tables what they do', () => {
    const long = { ...OPEN_NPT, [0x10_1000]: 0x10_2067n, [0x10_1008]: 0x10_2067n, [0x10_2000]: 0x4000_00e7n };
    const lines = linesOf(secondOf(NPT, long));
    expect(lines.filter((line) => line.includes('PDPT[0]'))).to.deep.equal([
      '    PDPT[0] 0x101000: 0x0000000000102067  P RW US A',
    ]);
  });

  it('shows the key that a page of four levels has, and none of PAE tables', () => {
    const keyed = { ...OPEN_NPT, [0x10_1000]: 0x2800_0000_4000_00e7n };
    expect(linesOf(secondOf(NPT, keyed)).at(-1)).to.match(/ {2}P RW US A D PS key 5$/);
  });

  it('keeps apart the walk that was stopped, though others went through the same entries', () => {
    const readOnly = { ...OPEN_EPT, [0x10_1000]: 0x4000_00b1n, [0x4000_4028]: 0x5067n };
    const write = { ...READ, write: true };
    const lines = linesOf(secondOf(createEpt(0x10_001en, { maxPhyAddr: 40 }), readOnly, write));
    expect(
      lines.filter((line) => line.includes('PDPT[0]')).map((line) => line.endsWith('◄ responsible')),
    ).to.deep.equal([false, true]);
  });

  it('names the bits of EPT entries as the manual does', () => {
    const lines = linesOf(secondOf(EPT, OPEN_EPT));
    expect(lines.at(-2)).to.equal('    PML4[0] 0x100000: 0x0000000000101107  RWX A');
    expect(lines.at(-1)).to.equal('    PDPT[0] 0x101000: 0x54000000400003f7  RWX A D PS WB IPAT PW');
  });

  it('says what the processor reports when the second stage stops the walk', () => {
    const npf = linesOf(secondOf(NPT, { ...OPEN_NPT, [0x10_1000]: 0n }));
    expect(npf.at(-2)).to.match(/^ {4}PDPT\[0\] 0x101000: 0x0{16} {2}P=0 {2}◄ responsible$/);
    expect(npf.at(-1)).to.equal('  #NPF: EXITINFO1 0x200000006, EXITINFO2 0x1000');
    const violation = linesOf(secondOf(EPT, { ...OPEN_EPT, [0x10_1000]: 0n }));
    expect(violation.at(-1)).to.equal('  EPT violation: exit qualification 0x83');
    const misconfigured = linesOf(secondOf(EPT, { ...OPEN_EPT, [0x10_1000]: 0x102n }));
    expect(misconfigured.at(-1)).to.equal('  EPT misconfiguration (exit reason 49)');
  });

  it('marks the bits that were set', () => {
    const second = secondOf(NPT, OPEN_NPT);
    const step = second.nested?.translation.walks[0]?.steps[0];
    if (second.nested === null || step === undefined) throw new Error('there is no nested walk');
    const wrote = [{ ...step, accessed: true, dirty: false }];
    expect(linesOf({ nested: { ...second.nested, wrote } }).at(-2)).to.match(/ {2}\+A$/);
    const encoded = JSON.stringify(encodeSecondStage({ ...second.nested, wrote }));
    expect(encoded).to.match(/"address":"0x100000","value":"\w+","wrote":\["A"\]/);
    expect(encoded).to.match(/"address":"0x101000","value":"\w+","wrote":\[\]/);
  });
});

describe('report/formatVerdict, of a nested guest', () => {
  const verdictOf = (
    nested: NestedContext,
    entries: Readonly<Record<number, bigint>>,
    { flags = NO_FLAGS, bitsAreSet = true } = {},
  ): readonly string[] => {
    const second = secondOf(nested, entries).nested;
    const answer = second?.translation;
    if (answer?.kind !== 'mapped') throw new Error(`${answer?.kind}`);
    const region = { kind: 'ram', name: 'pc.ram' } as const;
    const request = { linearAddress: 0x5123n, access: READ, flags };
    const more = { request, cpu: 0, wrote: [], bitsAreSet, inRom: [], deviation: null, assumed: [] };
    return formatVerdict({ ...more, mode: '4-level', translation: answer.guest, nested: second, region }, PLAIN);
  };

  it('names the space of each address: the region is that of the L1 physical one', () => {
    expect(verdictOf(NPT, OPEN_NPT)).to.deep.equal([
      "✓ L2 physical 0x5123 → L1 physical 0x40005123 in RAM (pc.ram): 4K page of L2's own tables, writable, user, executable",
    ]);
  });

  it('names the bits apart that could not be set in the second stage', () => {
    const clear = { ...OPEN_NPT, [0x10_0000]: 0x10_1047n, [0x4000_4028]: 0x5007n };
    const lines = verdictOf(NPT, clear, { flags: { ...NO_FLAGS, setAccessed: true }, bitsAreSet: false });
    expect(lines.at(-1)).to.match(/did not stay the same: A in the PTE; in the second stage A in the PML4E$/);
  });
});

describe('report/encodeSecondStage', () => {
  it('has where the page is, or what stopped the walk', () => {
    const { nested } = secondOf(NPT, OPEN_NPT);
    expect(nested && encodeSecondStage(nested)).to.include({
      l2PhysicalAddress: '0x5123',
      l1PhysicalAddress: '0x40005123',
      fault: null,
    });
    const stopped = secondOf(NPT, { ...OPEN_NPT, [0x10_1000]: 0n }).nested;
    expect(stopped && encodeSecondStage(stopped)).to.deep.include({
      l2PhysicalAddress: null,
      l1PhysicalAddress: null,
      fault: {
        purpose: 'table',
        cause: 'not-present',
        l2PhysicalAddress: '0x1000',
        exitInfo1: '0x200000006',
        exitQualification: null,
        responsibleLevel: 3,
        responsibleEntry: '0x101000',
        reason: "the guest's PML4E at L2 physical 0x1000: the NPT PDPTE is not present",
      },
    });
  });
});
