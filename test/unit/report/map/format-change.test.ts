import { expect } from 'chai';
import {
  COLOURED,
  encodeChange,
  formatChange,
  type MapChange,
  type MapSegment,
  PLAIN,
} from '../../../../src/report/index.ts';

const PAGE: MapSegment = {
  first: 0x1000n,
  last: 0x1fffn,
  rights: { write: true, user: false, exec: false },
  protectionKey: 0,
  global: false,
  pageSizeBytes: 4096,
  physicalFirst: 0x5000n,
  accessed: 0,
  dirty: 0,
};

function changed(
  differences: MapChange['differences'],
  after: Partial<MapSegment>,
  before: Partial<MapSegment> = {},
): string {
  const change = { first: 0x1000n, last: 0x1fffn, differences, pieces: 1 };
  const line = formatChange(
    { ...change, before: { ...PAGE, ...before }, after: { ...PAGE, ...after } },
    '32-bit',
    PLAIN,
  );
  return line.replace('~ 0x00001000-0x00001fff      4K  ', '').trimEnd();
}

describe('report/formatChange', () => {
  it('says what a page was and is', () => {
    expect(changed(['rights'], { rights: { write: false, user: true, exec: true } })).to.equal('rights rw-- → r-xu');
    expect(changed(['key'], { protectionKey: 5 })).to.equal('key 0 → 5');
    expect(changed(['key'], { protectionKey: null }, { protectionKey: 5 })).to.equal('key 5 → none');
    expect(changed(['global'], { global: true })).to.equal('not global → global');
    expect(changed(['size'], { pageSizeBytes: 0x20_0000 })).to.equal('pages 4K → 2M');
    expect(changed(['moved'], { physicalFirst: 0x9000n })).to.equal('moved 0x5000 → 0x9000');
    expect(changed(['moved'], { physicalFirst: null })).to.equal('moved 0x5000 → pieces');
  });

  it('says of a page whether a bit was set or cleared, and of a range of how many', () => {
    expect(changed(['accessed'], { accessed: 1 })).to.equal('became accessed');
    expect(changed(['accessed'], {}, { accessed: 1 })).to.equal('A was cleared');
    expect(changed(['dirty'], { dirty: 1 })).to.equal('became dirty');
    expect(changed(['dirty'], {}, { dirty: 1 })).to.equal('D was cleared');
    const range = { pageSizeBytes: null };
    expect(changed(['accessed', 'dirty'], { ...range, accessed: 7, dirty: 1 }, { ...range, accessed: 3 })).to.equal(
      'accessed pages 3 → 7, dirty pages 0 → 1',
    );
  });

  it('has what appeared and what vanished, and where it leads if that is one place', () => {
    const change = { first: 0x1000n, last: 0x2fffn, pieces: 2 };
    const appeared: MapChange = { ...change, differences: ['appeared'], before: null, after: PAGE };
    const vanished: MapChange = { ...change, differences: ['vanished'], before: PAGE, after: null };
    expect(formatChange(appeared, '4-level', PLAIN)).to.equal(
      '+ 0x0000000000001000-0x0000000000002fff      8K  rw-- → 0x5000\n',
    );
    expect(formatChange({ ...appeared, after: { ...PAGE, physicalFirst: null } }, '32-bit', PLAIN)).to.equal(
      '+ 0x00001000-0x00002fff      8K  rw--\n',
    );
    expect(formatChange(vanished, '32-bit', PLAIN)).to.equal('- 0x00001000-0x00002fff      8K  rw-- → 0x5000\n');
    expect([appeared, vanished].map((each) => formatChange(each, '32-bit', COLOURED).slice(0, 6))).to.deep.equal([
      '\u001b[32m+',
      '\u001b[31m-',
    ]);
  });
});

describe('report/encodeChange', () => {
  it('has both sides, and null where there was nothing', () => {
    const change: MapChange = {
      first: 0x1000n,
      last: 0x1fffn,
      differences: ['appeared'],
      before: null,
      after: PAGE,
      pieces: 3,
    };
    expect(JSON.parse(encodeChange(change))).to.deep.include({
      ...{ kind: 'change', first: '0x1000', last: '0x1fff', differences: ['appeared'], pieces: 3, before: null },
    });
    const { after } = JSON.parse(encodeChange(change));
    expect(after).to.deep.include({ rights: PAGE.rights, protectionKey: 0, global: false, physicalFirst: '0x5000' });
    const vanished: MapChange = {
      ...change,
      differences: ['vanished'],
      before: { ...PAGE, physicalFirst: null },
      after: null,
    };
    expect(JSON.parse(encodeChange(vanished))).to.deep.include({ after: null });
    expect(JSON.parse(encodeChange(vanished)).before).to.include({ physicalFirst: null });
  });
});
