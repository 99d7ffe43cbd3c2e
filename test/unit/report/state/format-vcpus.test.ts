import { expect } from 'chai';
import { encodeVcpu, formatVcpus, type ReportedVcpu } from '../../../../src/report/state/format-vcpus.ts';
import { PLAIN } from '../../../../src/report/style.ts';

const REAL: ReportedVcpu = {
  cpu: 0,
  mode: 'off',
  cpl: 0,
  cr3: 0n,
  rip: { offset: 0xfff0n, base: 0xf_0000n },
  realModeSegment: 0xf000n,
};
const USER: ReportedVcpu = {
  cpu: 2,
  mode: '4-level',
  cpl: 3,
  cr3: 0x105_f000n,
  rip: { offset: 0x40_1136n, base: 0n },
  realModeSegment: undefined,
  owner: { kind: 'process', pid: 79, comm: 'a\u001bb', half: null },
  place: null,
};

describe('report/formatVcpus', () => {
  it('shows all vCPUs in columns, and real mode as segment and offset', () => {
    expect(formatVcpus([REAL, USER], PLAIN)).to.equal(
      [
        'vCPU  mode       CPL  RIP                 CR3        process',
        '0     no paging  0    f000:fff0           -',
        '2     4-level    3    0x0000000000401136  0x105f000  79 a\\x1bb',
        '',
      ].join('\n'),
    );
  });

  it('leaves out what is known of none', () => {
    expect(formatVcpus([{ ...REAL, mode: 'pae', realModeSegment: undefined, rip: undefined }], PLAIN)).to.equal(
      'vCPU  mode  CPL  RIP  CR3\n0     PAE   0    -    0x0\n',
    );
  });

  it('gives a program the linear address', () => {
    expect(JSON.parse(encodeVcpu(REAL))).to.deep.equal({ cpu: 0, mode: 'off', cpl: 0, cr3: '0x0', rip: '0xffff0' });
    expect(JSON.parse(encodeVcpu(USER))).to.include({ place: null });
  });
});
