import { expect } from 'chai';
import { formatCause } from '../../../../src/report/causes/format-cause.ts';
import { encodeVcpu, formatVcpus, type ReportedVcpu } from '../../../../src/report/state/format-vcpus.ts';
import { PLAIN } from '../../../../src/report/style.ts';

const REAL: ReportedVcpu = {
  cpu: 0,
  mode: 'off',
  cpl: 0,
  cr3: 0n,
  rip: { offset: 0xfff0n, base: 0xf_0000n },
  realModeSegment: 0xf000n,
  assumed: [],
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
  assumed: [],
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

  it('has the symbol that its code is in, and the kernel for its own tables', () => {
    const symbol = { name: 'do_idle', address: 0xc0_1000n, type: 't', module: null };
    const idle: ReportedVcpu = { ...USER, mode: '32-bit', cpl: 0, owner: { kind: 'kernel' } };
    expect(
      formatVcpus(
        [
          { ...idle, place: { symbol, offsetBytes: 0x10, sizeBytes: 0x20 } },
          { ...USER, mode: '5-level' },
        ],
        PLAIN,
      ),
    ).to.equal(
      [
        'vCPU  mode     CPL  RIP                 CR3        process    symbol',
        '2     32-bit   0    0x00401136          0x105f000  kernel     do_idle+0x10/0x20',
        '2     5-level  3    0x0000000000401136  0x105f000  79 a\\x1bb',
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
    expect(JSON.parse(encodeVcpu(REAL))).to.deep.equal({
      cpu: 0,
      mode: 'off',
      cpl: 0,
      cr3: '0x0',
      rip: '0xffff0',
      assumed: [],
    });
    expect(JSON.parse(encodeVcpu(USER))).to.deep.include({ place: null, owner: USER.owner });
    expect(JSON.parse(encodeVcpu({ ...USER, owner: null, rip: { offset: 0x10n, base: -8n } }))).to.include({
      ...{ owner: null, rip: '0x8' },
    });
    expect(JSON.parse(encodeVcpu({ ...USER, rip: undefined }))).to.include({ rip: null });
  });

  it('says which values had to be assumed, and of which vCPUs', () => {
    const assumed = [
      { name: 'efer', value: 0xd00, cause: { code: 'not-in-dump', what: 'EFER' }, decides: true },
    ] as const;
    const notes = (vcpus: readonly ReportedVcpu[]) => formatVcpus(vcpus, PLAIN).split('\n').slice(3, -1);
    const why = formatCause(assumed[0].cause);
    expect(notes([REAL, { ...USER, assumed }])).to.deep.equal([`! assumed: vCPU 2: EFER=0xd00 (${why})`]);
    expect(
      notes([
        { ...REAL, assumed },
        { ...USER, assumed },
      ]),
    ).to.deep.equal([`! assumed: EFER=0xd00 (${why})`]);
    expect(JSON.parse(encodeVcpu({ ...USER, assumed }))).to.deep.include({
      assumed: [{ name: 'efer', value: '0xd00', why, decides: true }],
    });
  });
});
