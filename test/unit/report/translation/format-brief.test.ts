import { expect } from 'chai';
import { formatBrief, PLAIN } from '../../../../src/report/index.ts';

describe('report/formatBrief', () => {
  const mapped = {
    kind: 'mapped',
    physicalAddress: 0x5abcn,
    pageSizeBytes: 4096,
    rights: { write: true, user: false, exec: false },
  } as const;

  it('has where an address leads in columns', () => {
    expect(formatBrief(0x1000n, mapped, PLAIN)).to.equal('0x0000000000001000  0x5abc  4K  rw--\n');
    expect(formatBrief(0x1000n, { ...mapped, pageSizeBytes: null }, PLAIN)).to.equal(
      '0x0000000000001000  0x5abc  -  rw--\n',
    );
  });

  it("has, of a guest's guest, where that is in the host in the end", () => {
    expect(formatBrief(0x1000n, { ...mapped, hostPhysicalAddress: 0x2_5abcn }, PLAIN)).to.equal(
      '0x0000000000001000  0x5abc  4K  rw--  host 0x25abc\n',
    );
  });

  it('has why an address leads nowhere', () => {
    const fault = { kind: 'fault', cause: 'unbacked-table', errorCode: null, responsibleAddress: 0x3598n } as const;
    expect(formatBrief(0x1000n, fault, PLAIN)).to.equal('0x0000000000001000  -  INVALID_GPA  -  0x3598\n');
  });
});
