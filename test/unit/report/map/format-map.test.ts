import { expect } from 'chai';
import { createEpt, createNpt, type MappedRange } from '../../../../src/paging/index.ts';
import { formatCause } from '../../../../src/report/causes/format-cause.ts';
import {
  COLOURED,
  encodeAlias,
  encodeAliasEnd,
  encodeLeaf,
  encodeMapEnd,
  encodeMapHeading,
  encodeMappedRange,
  encodeMapSummary,
  formatAlias,
  formatLeaf,
  formatMapHeading,
  formatMappedRange,
  formatMapSummary,
  MapSummary,
  PLAIN,
  type ReportedLeaf,
  type ReportedMap,
  type ReportedMapEnd,
  type ReportedRegion,
} from '../../../../src/report/index.ts';
import {
  aliasEndSchema,
  aliasLineSchema,
  mapLineSchema,
  summaryLineSchema,
} from '../../../support/schemas/map-schema.ts';

const NPT = createNpt(
  { cr0: 1n << 31n, nestedCr3: 0x340_0000n, cr4: 0x20n, efer: 0xd00n },
  { maxPhyAddr: 40, vendor: 'amd' },
);

const RAN = { name: 'runState', value: 'running', cause: { code: 'stub-tells-no-run-state' } as const, decides: false };
const MAP: ReportedMap = {
  of: 'ranges',
  cpu: 1,
  mode: '4-level',
  space: { cr3: 0x11_0000n, given: false },
  nested: null,
  first: 0n,
  last: 0xffff_ffff_ffff_ffffn,
  filter: null,
  assumed: [],
};

const RANGE: MappedRange = {
  first: 0x8000_0000n,
  last: 0x8020_2fffn,
  rights: { write: true, user: false, exec: false },
  protectionKey: 0,
  global: false,
  leaves: { 4096: 3, 2097152: 1 },
  leafCount: 4,
  accessed: 4,
  dirty: 2,
  physicalFirst: 0x20_0000n,
  contiguous: true,
  physicalPieces: 1,
  physicalLowest: 0x20_0000n,
  physicalHighest: 0x40_2fffn,
  classes: 1,
};
const RAM: readonly ReportedRegion[] = [{ kind: 'ram', name: 'pc.ram' }];
const SCATTERED: MappedRange = {
  ...RANGE,
  first: 0xffff_8000_0000_0000n,
  last: 0xffff_8000_0000_1fffn,
  rights: { write: true, user: true, exec: true },
  protectionKey: 5,
  global: true,
  leaves: { 4096: 2 },
  leafCount: 2,
  accessed: 0,
  dirty: 0,
  contiguous: false,
  physicalPieces: 2,
  physicalLowest: 0x1000n,
  physicalHighest: 0xfec0_0fffn,
};
const SEVERAL: readonly ReportedRegion[] = [
  { kind: 'rom', name: 'pc.bios' },
  { kind: 'device', name: 'ioapic' },
  { kind: 'none', name: '' },
];

const LEAF: ReportedLeaf = {
  address: 0x4000_0000n,
  sizeBytes: 0x4000_0000,
  rights: { write: false, user: true, exec: true },
  protectionKey: null,
  global: false,
  accessed: true,
  dirty: false,
  physicalAddress: 0x8000_0000n,
  region: { kind: 'ram', name: 'pc.ram' },
};

const END: ReportedMapEnd = {
  complete: true,
  count: 2,
  rootReadable: true,
  tablePages: 5,
  reservedEntries: 0,
  unbackedTables: 0,
};

describe('report/formatMappedRange and formatLeaf', () => {
  it('show what is mapped, how, and to where', () => {
    expect(formatMappedRange(RANGE, RAM, '4-level', PLAIN)).to.equal(
      '0x0000000080000000-0x0000000080202fff   2060K  rw--  3x4K 1x2M A=4 D=2  → 0x200000-0x402fff RAM pc.ram\n',
    );
    expect(formatMappedRange(SCATTERED, SEVERAL, '4-level', PLAIN)).to.equal(
      '0xffff800000000000-0xffff800000001fff      8K  rwxu G key 5  2x4K A=0 D=0  → 2 pieces in 0x1000-0xfec00fff ' +
        'ROM pc.bios, device ioapic, nothing\n',
    );
    expect(formatLeaf(LEAF, '4-level', PLAIN)).to.equal(
      '0x0000000040000000    1G  r-xu  A-  → 0x80000000 RAM pc.ram\n',
    );
    expect(formatLeaf({ ...LEAF, accessed: false, dirty: true, sizeBytes: 4096 }, '4-level', PLAIN)).to.contain(
      '  4K  r-xu  -D  ',
    );
  });

  it('show addresses in as many digits as those of the mode have, under headings that are as wide', () => {
    const range = formatMappedRange(RANGE, RAM, 'pae', PLAIN);
    expect(range).to.equal('0x80000000-0x80202fff   2060K  rw--  3x4K 1x2M A=4 D=2  → 0x200000-0x402fff RAM pc.ram\n');
    expect(formatLeaf(LEAF, '32-bit', PLAIN)).to.equal('0x40000000    1G  r-xu  A-  → 0x80000000 RAM pc.ram\n');
    for (const mode of ['pae', '4-level'] as const) {
      const heading =
        formatMapHeading({ ...MAP, mode }, PLAIN)
          .split('\n')
          .at(-2) ?? '';
      expect(heading.indexOf('rights')).to.equal(formatMappedRange(RANGE, RAM, mode, PLAIN).indexOf('rw--'));
      const leaves =
        formatMapHeading({ ...MAP, of: 'pages', mode }, PLAIN)
          .split('\n')
          .at(-2) ?? '';
      expect(leaves.indexOf('rights')).to.equal(formatLeaf(LEAF, mode, PLAIN).indexOf('r-xu'));
    }
  });

  it('name some of very many regions, and say how many more there are', () => {
    const regions = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ kind: 'device', name: `d${at}` }) as const);
    expect(formatMappedRange(RANGE, regions(4), '4-level', PLAIN)).to.contain(
      'device d0, device d1, device d2, device d3\n',
    );
    expect(formatMappedRange(RANGE, regions(40), '4-level', PLAIN)).to.contain(
      ' device d0, device d1, device d2, 37 more\n',
    );
  });

  it('set off what is writable and executable, and what users have among the addresses of kernels', () => {
    const wx = { write: true, user: false, exec: true };
    expect(formatMappedRange({ ...RANGE, rights: wx }, RAM, '4-level', COLOURED)).to.contain(
      '\u001b[33mrwx-\u001b[39m',
    );
    expect(formatMappedRange(RANGE, RAM, '4-level', COLOURED)).to.not.contain('\u001b');
    expect(formatLeaf({ ...LEAF, address: 0xffff_8000_0000_0000n }, '4-level', COLOURED)).to.contain(
      '\u001b[33mr-xu\u001b[39m',
    );
    expect(formatLeaf(LEAF, '4-level', COLOURED)).to.not.contain('\u001b');
  });

  it('are told whose they are', () => {
    const given = { cr3: 0x5000n, given: true, changes: ['CR4.SMAP=0', 'PKRU=0'], profile: 'kvm' };
    const map = { ...MAP, space: given, filter: 'w+x', assumed: [RAN] };
    expect(formatMapHeading(map, PLAIN).split('\n').slice(0, 2)).to.deep.equal([
      '4-level paging, CR3 0x5000 (given), vCPU 1, if CR4.SMAP=0 and PKRU=0, as kvm has it, w+x only',
      '! assumed: the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
    ]);
    expect(formatMapHeading({ ...MAP, of: 'pages', mode: 'off' }, PLAIN).split('\n')).to.deep.equal([
      'paging off, vCPU 1',
      'address     page  rights  accessed, dirty; where it leads',
      '',
    ]);
  });

  it('are lines of JSON of the promised shape', () => {
    const map = { ...MAP, filter: 'w', assumed: [RAN] };
    expect(mapLineSchema.parse(JSON.parse(encodeMapHeading(map)))).to.include({
      kind: 'map',
      filter: 'w',
      profile: null,
    });
    expect(mapLineSchema.parse(JSON.parse(encodeMappedRange(SCATTERED, SEVERAL)))).to.deep.include({
      first: '0xffff800000000000',
      protectionKey: 5,
      global: true,
      leaves: { 4096: 2 },
      physicalPieces: 2,
      physicalHighest: '0xfec00fff',
      regions: SEVERAL,
    });
    expect(mapLineSchema.parse(JSON.parse(encodeLeaf(LEAF)))).to.deep.include({
      address: '0x40000000',
      size: 0x4000_0000,
      rights: LEAF.rights,
      accessed: true,
      dirty: false,
      physicalAddress: '0x80000000',
    });
    expect(mapLineSchema.parse(JSON.parse(encodeMapEnd(END)))).to.deep.equal({ kind: 'end', ...END });
  });
});

describe('a map through two stages', () => {
  const executeOnly = { read: false, write: false, user: true, exec: true } as const;

  it('names the second stage as --nested takes it', () => {
    const heading = (nested: ReportedMap['nested']): string | undefined =>
      formatMapHeading({ ...MAP, nested, filter: 'x' }, PLAIN).split('\n')[0];
    const npt = { kind: 'npt', registers: { nestedCr3: 0x340_0000n } } as const;
    expect(heading({ stage: npt, context: NPT })).to.equal(
      '4-level paging, CR3 0x110000, vCPU 1, second stage npt:0x3400000, x only',
    );
    const pae = createNpt({ cr0: 1n << 31n, nestedCr3: 0x5000n, cr4: 0x20n, efer: 0n }, { maxPhyAddr: 40 });
    expect(heading({ stage: { kind: 'npt', registers: { nestedCr3: 0x5000n } }, context: pae })).to.equal(
      '4-level paging, CR3 0x110000, vCPU 1, second stage npt:0x5000,pae, x only',
    );
    const ept = createEpt(0x1_001en, { maxPhyAddr: 40 });
    expect(heading({ stage: { kind: 'ept', eptp: 0x1_001en }, context: ept })).to.equal(
      '4-level paging, CR3 0x110000, vCPU 1, second stage ept:0x1001e, x only',
    );
    const nested = { stage: npt, context: NPT };
    const summary = formatMapSummary({ ...MAP, nested }, new MapSummary(), END, PLAIN);
    expect(summary.split('\n')[0]).to.equal('4-level paging, CR3 0x110000, vCPU 1, second stage npt:0x3400000');
    const line = mapLineSchema.parse(JSON.parse(encodeMapHeading({ ...MAP, nested })));
    expect(line.kind === 'map' && line.nested).to.deep.equal({
      kind: 'npt',
      nestedCr3: '0x3400000',
      root: '0x3400000',
      mode: '4-level',
      executeDisable: true,
    });
    expect(JSON.parse(encodeMapHeading(MAP))).to.not.have.property('nested');
  });

  it('says of pages that may not be read that they may not', () => {
    expect(formatMappedRange({ ...RANGE, rights: executeOnly }, RAM, '4-level', PLAIN)).to.contain('  --xu  ');
    expect(formatLeaf({ ...LEAF, rights: executeOnly }, '4-level', PLAIN)).to.contain('  --xu  ');
    const range = mapLineSchema.parse(JSON.parse(encodeMappedRange({ ...RANGE, rights: executeOnly }, RAM)));
    expect(range.kind === 'range' && range.rights).to.deep.equal(executeOnly);
    const leaf = mapLineSchema.parse(JSON.parse(encodeLeaf({ ...LEAF, rights: executeOnly })));
    expect(leaf.kind === 'page' && leaf.rights).to.deep.equal(executeOnly);
    const summary = new MapSummary();
    summary.add({ ...RANGE, rights: executeOnly });
    expect(Object.keys(summaryLineSchema.parse(JSON.parse(encodeMapSummary(summary, END))).byRights)).to.deep.equal([
      '--xu',
    ]);
  });

  it('says of others nothing that it would not say in one stage', () => {
    const line = encodeMappedRange(RANGE, RAM);
    expect(line).to.contain('"rights":{"write":true,"user":false,"exec":false},');
  });
});

describe('report/formatAlias', () => {
  const { rights, protectionKey, global } = LEAF;
  const alias = {
    first: 0x4000_0123n,
    last: 0x4000_0123n,
    physicalFirst: 0x12_0123n,
    pageSizeBytes: 4096,
    rights,
    protectionKey,
    global,
    leaves: 1,
    accessed: 1,
    dirty: 0,
  };

  it('names one address once, and both ends of more', () => {
    expect(formatAlias(alias, '4-level', PLAIN)).to.equal('0x0000000040000123  r-xu  1x4K A=1 D=0  → 0x120123\n');
    expect(formatAlias({ ...alias, last: 0x4000_0fffn }, '4-level', PLAIN)).to.equal(
      '0x0000000040000123-0x0000000040000fff  r-xu  1x4K A=1 D=0  → 0x120123-0x120fff\n',
    );
  });

  it('is a line of JSON of the promised shape', () => {
    const line = aliasLineSchema.parse(JSON.parse(encodeAlias(alias)));
    expect(line).to.deep.include({ first: '0x40000123', physicalFirst: '0x120123', pageSize: 4096, rights, leaves: 1 });
    expect(line).to.not.have.any.keys('owner', 'physicalSpace');
  });

  it('says of what has no pages so, and how a search ended', () => {
    expect(formatAlias({ ...alias, pageSizeBytes: null }, '32-bit', PLAIN)).to.equal(
      '0x40000123  r-xu  no pages  → 0x120123\n',
    );
    const cause = { code: 'stub-tells-no-run-state' } as const;
    const assumed = [{ name: 'cpl', value: 0, cause, decides: true }];
    const end = aliasEndSchema.parse(
      JSON.parse(encodeAliasEnd({ complete: false, count: 3, rootReadable: true, assumed })),
    );
    expect(end).to.deep.equal({
      ...{ kind: 'end', complete: false, count: 3, rootReadable: true },
      assumed: [{ name: 'cpl', value: 0, why: formatCause(cause), decides: true }],
    });
  });

  it('says whose address space it is of, or that it is the kernel’s own', () => {
    const owner = { kind: 'process', pid: 91, comm: 'bash', half: null } as const;
    expect(JSON.parse(encodeAlias(alias, 'L2', { owner }))).to.deep.include({ owner, physicalSpace: 'L2' });
    expect(JSON.parse(encodeAlias(alias, null, { owner: null }))).to.deep.include({ owner: null });
    expect(formatAlias(alias, '4-level', PLAIN, 'L2', { owner })).to.match(/ → L2 0x120123 {2}process 91 bash\n$/);
  });
});

describe('report/MapSummary', () => {
  function summaryOf(ranges: readonly MappedRange[]): MapSummary {
    const summary = new MapSummary();
    for (const range of ranges) summary.add(range);
    return summary;
  }

  it('sums up by rights, and names what looks like a mistake', () => {
    const end = { ...END, count: 4, reservedEntries: 3, unbackedTables: 2 };
    const writableCode = { ...RANGE, rights: { write: true, user: false, exec: true } };
    expect(
      formatMapSummary(MAP, summaryOf([RANGE, SCATTERED, RANGE, writableCode]), end, PLAIN).split('\n'),
    ).to.deep.equal([
      '4-level paging, CR3 0x110000, vCPU 1',
      'rights  mapped  4K  2M  accessed  dirty',
      'rwxu        8K   2   0         0      0',
      'rwx-      2.0M   3   1         4      2',
      'rw--      4.0M   6   2         8      4',
      'all       6.0M  11   3        12      6',
      'tables take 20K; entries with reserved bits: 3; tables outside of memory: 2',
      '! writable and executable: 2.0M in 2 ranges',
      '  0xffff800000000000-0xffff800000001fff  rwxu',
      '  0x0000000080000000-0x0000000080202fff  rwx-',
      '! user-accessible in the upper half: 8K in one range',
      '  0xffff800000000000-0xffff800000001fff  rwxu',
      '',
    ]);
  });

  it('keeps columns apart that are wider than their headings', () => {
    const wide = { ...RANGE, last: RANGE.first + 2047n * 2n ** 29n - 1n, leaves: { 4096: 1_000_000 } };
    const lines = formatMapSummary(MAP, summaryOf([wide]), END, PLAIN)
      .split('\n')
      .slice(1, 4);
    expect(lines).to.deep.equal([
      'rights   mapped       4K  accessed  dirty',
      'rw--    1023.5G  1000000         4      2',
      'all     1023.5G  1000000         4      2',
    ]);
  });

  it('says when there is no mistake to be seen, and what it rests on', () => {
    const map = { ...MAP, filter: 'nx', assumed: [RAN] };
    expect(formatMapSummary(map, summaryOf([RANGE]), END, PLAIN).split('\n')).to.deep.equal([
      '4-level paging, CR3 0x110000, vCPU 1, nx only',
      '! assumed: the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
      'rights  mapped  4K  2M  accessed  dirty',
      'rw--      2.0M   3   1         4      2',
      'all       2.0M   3   1         4      2',
      'tables take 20K',
      'nothing is writable and executable',
      'nothing is user-accessible in the upper half',
      '',
    ]);
  });

  it('says that nothing is known where the root is not in memory, and calls nothing good then', () => {
    const end = { ...END, count: 0, rootReadable: false, reservedEntries: 0, unbackedTables: 1 };
    expect(formatMapSummary(MAP, summaryOf([]), end, PLAIN).split('\n')).to.deep.equal([
      '4-level paging, CR3 0x110000, vCPU 1',
      'rights  mapped  accessed  dirty',
      'all          0         0      0',
      'tables take 20K; tables outside of memory: 1',
      '! the root table is neither in RAM nor in ROM: nothing is known of this address space',
      '',
    ]);
  });

  it('has nothing against pages of users in the lower half, and sorts rights by how many they are', () => {
    const user = { ...RANGE, first: 0x1000n, last: 0x1fffn, rights: { write: false, user: true, exec: true } };
    const last = { ...user, first: (1n << 63n) - 0x1000n, last: (1n << 63n) - 1n };
    const summary = summaryOf([user, RANGE, last]);
    expect(summary.userInUpperHalf).to.deep.equal({ count: 0, bytes: 0n, first: [] });
    expect([...summary.byRights.keys()]).to.deep.equal(['rw--', 'r-xu']);
    summary.add({ ...user, first: 1n << 63n, last: (1n << 63n) + 0xfffn });
    expect(summary.userInUpperHalf).to.deep.include({ count: 1, bytes: 0x1000n });
  });

  it('counts what it would be too much to name, and holds sizes beyond any number', () => {
    const half = { ...SCATTERED, first: 1n << 63n, last: (1n << 64n) - 1n, leaves: { 4096: 2 ** 45 } };
    const summary = summaryOf(Array.from({ length: 40 }, () => half));
    const text = formatMapSummary(MAP, summary, END, PLAIN);
    expect(text).to.contain('! writable and executable: 327680P in 40 ranges\n');
    expect(text).to.contain('  and 24 more\n');
    const line = summaryLineSchema.parse(JSON.parse(encodeMapSummary(summary, END)));
    expect(line.total.bytes).to.equal(String(40n << 63n));
    expect(line.writableExecutable.count).to.equal(40);
    expect(line.userInUpperHalf.first).to.have.lengthOf(16);
    expect(Object.keys(line.byRights)).to.deep.equal(['rwxu']);
  });
});
