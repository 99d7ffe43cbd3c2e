import { expect } from 'chai';
import type { HvTranslateAnswer } from '../../../../src/abi/index.ts';
import {
  encodeHvTranslation,
  formatHvBrief,
  formatHvTranslation,
  PLAIN,
  type ReportedHvTranslation,
} from '../../../../src/report/index.ts';
import { answerOf, type Case, REGISTERS } from '../../../support/schemas/reported-answer.ts';

const LONG = { 4096: 0x2027n, 8192: 0x3027n, 12288: 0x4027n, 16384: 0x12_0027n };
const GVA = 0x123n;
const QUESTION: Case = { registers: REGISTERS['4-level'], entries: LONG, linearAddress: GVA };

function answer(more: Partial<HvTranslateAnswer> = {}): HvTranslateAnswer {
  return {
    name: 'Success',
    resultCode: 0,
    gpaPage: 0x120n,
    cacheType: 6,
    overlayPage: false,
    eventInfo: new Uint8Array(32),
    event: null,
    bits: [],
    inhibitsTlbFlush: false,
    walk: null,
    ...more,
  };
}

function reported(more: Partial<ReportedHvTranslation> = {}, walk: Partial<Case> = {}): ReportedHvTranslation {
  return {
    hypercall: 'HvCallTranslateVirtualAddress',
    gva: GVA,
    controlFlags: 3n,
    cpu: 0,
    mode: '4-level',
    vtl: { number: 0, isNamed: false },
    cpl: 0,
    space: { cr3: 0x1000n, given: false },
    answer: answer(),
    output: Uint8Array.of(0, 0, 0, 0, 6, 0, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, 0),
    walk: answerOf({ ...QUESTION, ...walk }),
    bitsAreSet: null,
    assumed: [],
    ...more,
  };
}

const REFUSED = answer({ name: 'PageNotPresent', resultCode: 1, gpaPage: 0n, cacheType: 0 });
const INTERCEPTED = answer({
  name: 'Intercept',
  resultCode: 8,
  gpaPage: 0x4n,
  event: {
    type: 'memoryIntercept',
    targetVtl: 1,
    access: 'read',
    causedByGpaAccess: false,
    guestLinearAddress: GVA,
    guestPhysicalAddress: 0x4000n,
  },
});
const ASSUMED = { name: 'pkru', value: 0, cause: { code: 'no-qmp' }, decides: true } as const;

describe('an answer of the hypercall', () => {
  const encoded = (each: ReportedHvTranslation): Record<string, unknown> =>
    JSON.parse(encodeHvTranslation(each)) as Record<string, unknown>;
  const text = (each: ReportedHvTranslation): string => formatHvTranslation(each, PLAIN);

  it('as JSON has what it is asked for, the walk, and the bytes', () => {
    const { entries, ...rest } = encoded(reported());
    expect(entries).to.have.length(4);
    expect(rest).to.deep.equal({
      linearAddress: '0x123',
      hypercall: 'HvCallTranslateVirtualAddress',
      controlFlags: '0x3',
      result: 'Success',
      resultCode: 0,
      gpaPage: '0x120',
      gpa: '0x120123',
      cacheType: 'WB',
      overlayPage: false,
      output: '00000000060000002001000000000000',
      mode: '4-level',
      cpu: 0,
      cpl: 0,
      reason: null,
      assumed: [],
    });
  });

  it('as JSON has what there is to say besides, and only then', () => {
    const more = encoded(
      reported(
        {
          answer: answer({ inhibitsTlbFlush: true }),
          vtl: { number: 1, isNamed: true },
          bitsAreSet: false,
          assumed: [ASSUMED],
        },
        {
          deviation: {
            machine: { accelerator: 'tcg', qemuVersion: [7, 2, 22] },
            outcome: answerOf(QUESTION).translation,
          },
        },
      ),
    );
    expect(more).to.deep.include({ inhibitsTlbFlush: true, vtl: 1, bitsAreSet: false });
    expect(more['deviation']).to.equal("QEMU 7.2.22's TCG maps it to 0x120123");
    expect(more['assumed']).to.have.length(1);
    const none = encoded(reported({ answer: REFUSED, walk: null }));
    expect(none).to.deep.include({
      entries: [],
      gpa: null,
      cacheType: null,
      reason: 'the address has more than 64 bits',
    });
    expect(none).to.not.have.any.keys('deviation', 'nested', 'vtl', 'bitsAreSet', 'inhibitsTlbFlush', 'event');
    expect(encoded(reported({ answer: INTERCEPTED }))['event']).to.deep.include({
      guestLinearAddress: '0x123',
      guestPhysicalAddress: '0x4000',
    });
  });

  it('as text ends in the result and the bytes in eights', () => {
    const lines = text(reported()).split('\n');
    expect(lines[0]).to.match(/^0x0000000000000123 {2}VALIDATE_READ, VALIDATE_WRITE {3}4-level paging, .*CPL 0$/);
    expect(lines.slice(-3)).to.deep.equal([
      '✓ Success: GPA page 0x120 (0x120123), WB',
      '  HvCallTranslateVirtualAddress: 0000000006000000 2001000000000000',
      '',
    ]);
    expect(text(reported({ vtl: { number: 1, isNamed: true } }))).to.match(/VTL 1.*CPL 0\n/);
    expect(
      text(reported({ answer: answer({ overlayPage: true, inhibitsTlbFlush: true }), bitsAreSet: false })),
    ).to.match(
      /, WB, an overlay page\n.*\n {2}not every bit could be set.*\n {2}TLB flushes of the target would be inhibited\n$/,
    );
    expect(text(reported({ bitsAreSet: true }))).to.not.contain('not every bit');
  });

  it('says which page a refusal is about, where it is about one', () => {
    const refused = reported({ answer: REFUSED }, { entries: { 4096: 0n } });
    expect(text(refused)).to.match(/\n✗ PageNotPresent: not present: the PML4E has P=0\n/);
    expect(text(reported({ answer: INTERCEPTED }))).to.contain(
      '✗ Intercept (GPA page 0x4): VTL 1 does not let VTL 0 read a table\n' +
        '  EventInfo: memory intercept for VTL 1: read of GPA 0x4000, a page table on the way to GVA 0x123\n',
    );
    expect(text(reported({ answer: answer({ name: 'GpaNoReadAccess', gpaPage: 0x7n }) }))).to.contain(
      '✗ GpaNoReadAccess (GPA page 0x7): a table cannot be read\n',
    );
  });

  it('in a line has the address or the page, and marks what was assumed', () => {
    const brief = (each: ReportedHvTranslation): string => formatHvBrief(each, PLAIN);
    expect(brief(reported())).to.equal('0x0000000000000123  0x120123  Success  WB\n');
    expect(brief(reported({ answer: answer({ overlayPage: true }) }))).to.equal(
      '0x0000000000000123  0x120123  Success  WB  overlay\n',
    );
    expect(brief(reported({ answer: REFUSED }))).to.equal('0x0000000000000123  -  PageNotPresent\n');
    expect(brief(reported({ answer: INTERCEPTED }))).to.equal('0x0000000000000123  -  Intercept  0x4\n');
    expect(brief(reported({ walk: null, assumed: [ASSUMED] }))).to.match(/WB {2}\S/);
  });
});
