import { expect } from 'chai';
import { encodeAssumption } from '../../../../src/report/assumed/format-assumption.ts';
import { formatAssumption, type ReportedAssumption } from '../../../../src/report/index.ts';

function assumption(more: Partial<ReportedAssumption>): ReportedAssumption {
  return { name: 'pkru', value: 0, cause: { code: 'no-qmp' }, decides: true, ...more } as ReportedAssumption;
}

const WHY = 'the GDB stub does not show it, and there is no QMP';

describe('report/formatAssumption', () => {
  it('says what was taken: registers in hexadecimal, other values as they are, a falsy one too', () => {
    expect(
      [
        assumption({}),
        assumption({ value: 0x5555_5554 }),
        assumption({ name: 'a20', value: false, decides: false }),
        assumption({ name: 'cpl', value: 0 }),
        assumption({ name: 'maxPhyAddr', value: 40 }),
      ].map(formatAssumption),
    ).to.deep.equal([
      `PKRU=0x0 (${WHY}); the outcome depends on it`,
      `PKRU=0x55555554 (${WHY}); the outcome depends on it`,
      `A20=false (${WHY}); the outcome does not depend on it`,
      `CPL=0 (${WHY}); the outcome depends on it`,
      `MAXPHYADDR=40 (${WHY}); the outcome depends on it`,
    ]);
  });

  it('says in words what was taken where that is no value', () => {
    const words = ['pdptes', 'nested', 'vtl', 'memoryTypes', 'efer'].map((name) =>
      formatAssumption(assumption({ name, value: null })),
    );
    expect(words.map((line) => line.split(' (')[0])).to.deep.equal([
      'PDPTE registers=those in memory',
      'second stage=none',
      "registers of the VTL=the vCPU's own",
      'PAT and MTRRs=PAT as at reset, no MTRRs',
      'EFER=unknown',
    ]);
  });

  it('gives JSON registers as texts, and other values as they are', () => {
    expect(encodeAssumption(assumption({}))).to.deep.equal({ name: 'pkru', value: '0x0', why: WHY, decides: true });
    expect(encodeAssumption(assumption({ name: 'maxPhyAddr', value: 40 }))).to.deep.include({ value: 40 });
    expect(encodeAssumption(assumption({ name: 'nested', value: null }))).to.deep.include({ value: null });
  });
});
