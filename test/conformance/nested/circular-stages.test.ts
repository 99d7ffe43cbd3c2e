import { expect } from 'chai';
import { planNestedBits } from '../../../src/paging/index.ts';
import {
  eptOf,
  nestedEntry,
  nptOf,
  openEpt,
  openNpt,
  stages,
  twoStageLinear,
} from '../../support/builders/hand-made-stages.ts';
import { hex } from '../../support/judge/describe-translation.ts';
import { formatNestedVerdict } from '../../support/judge/format-nested-verdict.ts';
import { translateNestedByBoth } from '../../support/judge/translate-nested-by-both.ts';
import { accessOf, machineIn } from '../../support/reference/reference-machine.ts';

const guest = machineIn('4-level');
const amdGuest = machineIn('4-level', { vendor: 'amd' });

describe('stages that lead into each other, and out of memory', () => {
  it("finds a guest's table in a nested one", () => {
    // The page at guest-physical 0x1000 is the nested PML4: entry 36 there is the guest's.
    const changes = { [nestedEntry.ofPml4]: 0x1_0007n, '0x10120': 0x2027n };
    const memory = stages(openNpt, changes);
    const translation = translateNestedByBoth(amdGuest, nptOf(), memory, twoStageLinear, accessOf('uw'));
    expect(formatNestedVerdict(translation)).to.equal('0x5abc 0x25abc 4096');
  });

  it("walks one set of tables as both stages', each entry written once", () => {
    // Every table's own page is mapped where it is, 0x25000 too: PT entries 0x10 to 0x13 and 0x25.
    const own = { '0x13080': 0x1_0007n, '0x13088': 0x1_1007n, '0x13090': 0x1_2007n, '0x13098': 0x1_3007n };
    const memory = stages(openNpt, { ...own, '0x13128': 0x2_5007n });
    const inside = machineIn('4-level', { vendor: 'amd', cr3: 0x1_0000n });
    const translation = translateNestedByBoth(inside, nptOf(), memory, 0x5abcn, accessOf('w'));
    expect(formatNestedVerdict(translation)).to.equal('0x25abc 0x25abc 4096');
    const planned = planNestedBits(translation, { setAccessed: true, setDirty: true, forceSetAccessed: false });
    const rows = planned.map(({ stage, address }) => `${stage} ${hex(address)}`);
    expect(new Set(rows).size).to.equal(rows.length);
  });

  it('goes round a circle as often as there are levels', () => {
    // The nested PML4's first entry leads to itself, at every level; the PTE of 0 maps the table.
    const around = { [nestedEntry.pml4e]: 0x1_0007n };
    const memory = stages({}, around);
    const zero = machineIn('4-level', { vendor: 'amd', cr3: 0n });
    const translation = translateNestedByBoth(zero, nptOf(), memory, 0n, accessOf(''));
    // The guest's PML4 is that page too, and so on down: its PTE says guest-physical 0x10000, whose PT index is 16.
    expect(formatNestedVerdict(translation)).to.equal('table 0x10000 not-present 200000006 1:0x10080');
  });

  it('says that no memory holds the root', () => {
    const npt = nptOf({ cr3: 0x20_0000n });
    const ept = eptOf({}, 0x20_001en);
    const one = translateNestedByBoth(amdGuest, npt, stages(openNpt), twoStageLinear, accessOf(''));
    expect(formatNestedVerdict(one)).to.equal('table 0x1120 unbacked-table - 4:0x200000');
    const other = translateNestedByBoth(guest, ept, stages(openEpt), twoStageLinear, accessOf(''));
    expect(formatNestedVerdict(other)).to.equal('table 0x1120 unbacked-table - 4:0x200000');
  });

  it("says that no memory holds a table, of either stage, and asks for none that holds the guest's data", () => {
    const read = (changes: Readonly<Record<string, bigint>>) =>
      formatNestedVerdict(
        translateNestedByBoth(guest, eptOf(), stages(openEpt, changes), twoStageLinear, accessOf('')),
      );
    expect(read({ [nestedEntry.pde]: 0x20_0007n })).to.equal('table 0x1120 unbacked-table - 1:0x200008');
    expect(read({ [nestedEntry.ofPd]: 0x20_0037n })).to.equal('table 0x3598 unbacked-table -');
    expect(read({ [nestedEntry.ofData]: 0x20_0037n })).to.equal('0x5abc 0x200abc 4096');
  });
});
