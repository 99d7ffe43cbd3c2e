import { expect } from 'chai';
import { explainAssumptionMark, explainDeviationMark, formatBrief, PLAIN } from '../../../../src/report/index.ts';

const CERTAIN = { assumed: [], deviates: false };

describe('report/formatBrief', () => {
  const mapped = {
    ...CERTAIN,
    kind: 'mapped',
    physicalAddress: 0x5abcn,
    pageSizeBytes: 4096,
    rights: { write: true, user: false, exec: false },
  } as const;

  it('has where an address leads in columns', () => {
    expect(formatBrief(0x1000n, mapped, '4-level', PLAIN)).to.equal('0x0000000000001000  0x5abc  4K  rw--\n');
    expect(formatBrief(0x1000n, { ...mapped, pageSizeBytes: null }, '4-level', PLAIN)).to.equal(
      '0x0000000000001000  0x5abc  -  rw--\n',
    );
  });

  it('has no more digits than a linear address of the mode', () => {
    for (const mode of ['32-bit', 'pae', 'off'] as const) {
      expect(formatBrief(0x1000n, mapped, mode, PLAIN)).to.equal('0x00001000  0x5abc  4K  rw--\n');
    }
  });

  it('has, of a nested guest, where that is in the memory of its hypervisor (L1)', () => {
    expect(formatBrief(0x1000n, { ...mapped, l1PhysicalAddress: 0x2_5abcn }, '4-level', PLAIN)).to.equal(
      '0x0000000000001000  0x5abc  4K  rw--  L1 0x25abc\n',
    );
  });

  it('has why an address leads nowhere', () => {
    const fault = {
      ...CERTAIN,
      kind: 'fault',
      cause: 'unbacked-table',
      errorCode: null,
      responsibleAddress: 0x3598n,
    } as const;
    expect(formatBrief(0x1000n, fault, '4-level', PLAIN)).to.equal('0x0000000000001000  -  INVALID_GPA  -  0x3598\n');
    const refused = { ...fault, responsibleAddress: null, refusedPageAddress: 0x5abcn };
    expect(formatBrief(0x1000n, refused, '4-level', PLAIN)).to.equal(
      '0x0000000000001000  -  INVALID_GPA  -  -  L2 0x5abc\n',
    );
  });

  it('marks at its end what the answer depends on, and where the machine differs', () => {
    const pkru = { name: 'pkru', value: 0, cause: { code: 'no-qmp' } as const, decides: true };
    const width = { name: 'maxPhyAddr', value: 52, cause: { code: 'no-qom-path' } as const, decides: true };
    const line = '0x0000000000001000  0x5abc  4K  rw--';
    expect(
      formatBrief(0x1000n, { ...mapped, assumed: [pkru, { ...width, decides: false }] }, '4-level', PLAIN),
    ).to.equal(`${line}  ?PKRU\n`);
    expect(formatBrief(0x1000n, { ...mapped, assumed: [pkru, width], deviates: true }, '4-level', PLAIN)).to.equal(
      `${line}  ?PKRU  ?MAXPHYADDR  !differs\n`,
    );
    const fault = {
      ...CERTAIN,
      kind: 'fault',
      cause: 'not-present',
      errorCode: 0,
      responsibleAddress: 0x3598n,
    } as const;
    expect(formatBrief(0x1000n, { ...fault, assumed: [width] }, '4-level', PLAIN)).to.equal(
      '0x0000000000001000  -  NOT_PRESENT  0x0  0x3598  ?MAXPHYADDR\n',
    );
    expect(explainAssumptionMark(pkru)).to.equal(
      '?PKRU: assumed: PKRU=0x0 (the GDB stub does not show it, and there is no QMP); the outcome depends on it',
    );
  });

  it('names the symbol that the address lies in, or else what Linux keeps there, behind all else', () => {
    const symbol = { name: 'do_exit', address: 0x1000n, type: 'T', module: null };
    const place = { symbol, offsetBytes: 0, sizeBytes: 16 };
    const areas = { areas: [{ kind: 'heap', name: null } as const], more: 0 };
    const line = '0x0000000000001000  0x5abc  4K  rw--';
    const end = (names: Parameters<typeof formatBrief>[4]) =>
      formatBrief(0x1000n, { ...mapped, deviates: true }, '4-level', PLAIN, names);
    expect(end({ place, areas })).to.equal(`${line}  !differs  do_exit+0x0/0x10\n`);
    expect(end({ place: null, areas })).to.equal(`${line}  !differs  [heap]\n`);
    expect(end({ place: null, areas: { areas: [], more: 0 } })).to.equal(`${line}  !differs\n`);
  });

  it('has a mark for what has no short name, and for what the machine does', () => {
    const cpl = { name: 'cpl', value: 0, cause: { code: 'no-qmp' } as const, decides: true };
    expect(explainAssumptionMark(cpl)).to.match(/^\?cpl: assumed: CPL=0 /);
    expect(explainAssumptionMark({ ...cpl, name: 'pdptes', value: null })).to.match(
      /^\?PDPTE: assumed: PDPTE registers=/,
    );
    expect(explainDeviationMark({ accelerator: 'kvm', qemuVersion: null })).to.equal(
      "!differs: KVM's walker would answer otherwise; without --brief the answer says how",
    );
  });
});
