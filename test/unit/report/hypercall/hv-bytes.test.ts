import { expect } from 'chai';
import { HV_CONTROL, HV_SELF } from '../../../../src/abi/index.ts';
import {
  COLOURED,
  type DecodedHvBytes,
  encodeHvBytes,
  formatHvBytes,
  formatHvControlProblem,
  PLAIN,
} from '../../../../src/report/index.ts';
import { hvBytesSchema } from '../../../support/schemas/translation-schema.ts';

function encoded(decoded: DecodedHvBytes): object {
  return hvBytesSchema.parse(JSON.parse(encodeHvBytes(decoded)));
}

const output = { resultCode: 0, gpaPage: 0x120n, cacheType: 6, overlayPage: true };
const outputEx = { ...output, resultCode: 8, gpaPage: 0n, eventInfo: new Uint8Array(32) };

describe('decoded bytes of the hypercall, as JSON', () => {
  it('an input names its flags, and has the address beside the page', () => {
    const input = { ...HV_SELF, controlFlags: 3n, gvaPage: 0xffff_8000_0000_1n };
    expect(encoded({ kind: 'input', input })).to.deep.include({
      controlFlags: '0x3',
      flags: ['VALIDATE_READ', 'VALIDATE_WRITE'],
      linearAddress: '0xffff800000001000',
    });
  });

  it('an output has a cache type by name where it succeeded, and none else', () => {
    expect(encoded({ kind: 'output', output })).to.deep.include({
      result: 'Success',
      gpaPage: '0x120',
      cacheType: 'WB',
    });
    expect(encoded({ kind: 'output', output: { ...output, resultCode: 2 } })).to.deep.include({ cacheType: null });
  });

  it('an output of Ex has its event, whose address may be absent; of other events the type alone; or none', () => {
    const event = {
      type: 'memoryIntercept',
      targetVtl: 1,
      access: 'read',
      causedByGpaAccess: false,
      guestLinearAddress: null,
      guestPhysicalAddress: 0x3000n,
    } as const;
    const withEvent = (given: typeof event | { readonly type: 'extInt' } | null) =>
      encoded({ kind: 'output-ex', output: outputEx, event: given });
    expect(withEvent(event)).to.deep.include({
      result: 'Intercept',
      event: { ...event, guestPhysicalAddress: '0x3000' },
    });
    expect(withEvent({ type: 'extInt' })).to.deep.include({ event: { type: 'extInt' } });
    expect(withEvent(null)).to.deep.include({ event: null });
  });
});

describe('decoded bytes of the hypercall, as text', () => {
  const text = (decoded: DecodedHvBytes): string => formatHvBytes(decoded, PLAIN);
  const input = { partitionId: 0x77n, vpIndex: 3, controlFlags: 0x1_0000_0000_0003n, gvaPage: 0x8000_0001n };

  it('an input has its page and address, its flags, and whose it is', () => {
    const { validateRead, setPageTableBits } = HV_CONTROL;
    const own = { ...input, ...HV_SELF, controlFlags: validateRead | setPageTableBits };
    expect(text({ kind: 'input', input: own })).to.match(
      /^GVA page 0x80000001 \(0x80000001000\) {2}VALIDATE_READ, SET_PAGE_TABLE_BITS \(0x[0-9a-f]+\) {3}partition SELF, VP SELF\n$/,
    );
    expect(text({ kind: 'input', input })).to.match(/ {3}partition 0x77, VP 3\n$/);
    expect(text({ kind: 'input', input: { ...input, vpIndex: HV_SELF.vpIndex } })).to.match(
      /partition 0x77, VP SELF\n$/,
    );
  });

  it('an output has its page and how it is cached, or what was refused', () => {
    expect(text({ kind: 'output', output })).to.equal('✓ Success: GPA page 0x120, WB, an overlay page\n');
    expect(text({ kind: 'output', output: { ...output, overlayPage: false, cacheType: 0 } })).to.equal(
      '✓ Success: GPA page 0x120, UC\n',
    );
    expect(text({ kind: 'output', output: { ...output, cacheType: 99 } })).to.contain(
      ', cache type 99, an overlay page',
    );
    expect(text({ kind: 'output', output: { ...output, resultCode: 4 } })).to.equal('✗ GpaUnmapped (GPA page 0x120)\n');
    expect(text({ kind: 'output', output: outputEx })).to.equal('✗ Intercept\n');
    expect(text({ kind: 'output', output: { ...outputEx, resultCode: 77 } })).to.equal('✗ result code 77\n');
    expect(formatHvBytes({ kind: 'output', output }, COLOURED)).to.contain(COLOURED.good('✓'));
  });

  it('an output of Ex has the event in words, where there is one', () => {
    const event = {
      type: 'nestedMemoryIntercept',
      targetVtl: 1,
      access: 'write',
      causedByGpaAccess: true,
      guestLinearAddress: 0x1000n,
      guestPhysicalAddress: 0x3000n,
    } as const;
    const eventOf = (given: Extract<DecodedHvBytes, { kind: 'output-ex' }>['event']) =>
      text({ kind: 'output-ex', output: outputEx, event: given }).split('\n')[1];
    const words = 'nested memory intercept for VTL 1: write of GPA 0x3000';
    expect(eventOf(event)).to.equal(`  EventInfo: ${words}, GVA 0x1000`);
    expect(eventOf({ ...event, guestLinearAddress: null })).to.equal(`  EventInfo: ${words}`);
    const ofTable = { ...event, causedByGpaAccess: false };
    expect(eventOf(ofTable)).to.equal(`  EventInfo: ${words}, a page table on the way to GVA 0x1000`);
    expect(eventOf({ ...ofTable, guestLinearAddress: null })).to.equal(`  EventInfo: ${words}, a page table`);
    expect(eventOf({ type: 'extInt' })).to.equal('  EventInfo: ext int');
    expect(eventOf(null)).to.equal('');
  });
});

describe('report/formatHvControlProblem', () => {
  it('has a sentence for each', () => {
    expect(formatHvControlProblem({ code: 'too-wide' })).to.equal('control flags have 64 bits');
    expect(formatHvControlProblem({ code: 'unknown-flags', flags: 0x8000n })).to.equal('unknown control flags: 0x8000');
    expect(formatHvControlProblem({ code: 'nothing-to-validate' })).to.match(/^none of VALIDATE_READ, .* is set$/);
  });
});
