import { expect } from 'chai';
import { InputFileError } from '../../../../src/cli/errors.ts';
import { SavedMap } from '../../../../src/cli/io/saved-map.ts';
import type { CliContext } from '../../../../src/cli/options/command.ts';
import { formatHex, type MapSegment } from '../../../../src/report/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';

const HEADING =
  '{"kind":"map","of":"ranges","mode":"4-level","first":"0x0","last":"0xffffffffffffffff","filter":null,"assumed":[]}';
const RIGHTS = '"rights":{"write":true,"user":false,"exec":true},"protectionKey":null,"global":true';
const PAGE_HEADING = HEADING.replace('ranges', 'pages');
const END = '{"kind":"end","complete":true}';

const range = (first: string, last: string, pieces = 1, more = ''): string =>
  `{"kind":"range","first":"${first}","last":"${last}",${RIGHTS},"leaves":{"4096":2},"accessed":2,"dirty":1,` +
  `"physicalFirst":"0x5000","physicalPieces":${pieces}${more}}`;
const page = (address: string): string =>
  `{"kind":"page","address":"${address}","size":4096,${RIGHTS},"accessed":true,"dirty":false,"physicalAddress":"0x5000"}`;

async function* bytesOf(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const line of lines) yield Buffer.from(`${line}\n`);
}

/** Of lines that are not read to their end: whether their source was closed nevertheless. */
async function isClosed(lines: readonly string[], use: (context: CliContext) => Promise<unknown>): Promise<boolean> {
  let closed = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* bytesOf(lines);
    } finally {
      closed = true;
    }
  }
  await use(quietContext({ input: bytes() }));
  return closed;
}

async function read(lines: readonly string[]): Promise<{ segments: MapSegment[]; isComplete: boolean | undefined }> {
  const map = await SavedMap.open('-', quietContext({ input: bytesOf(lines) }), 'diff');
  const segments: MapSegment[] = [];
  for await (const segment of map.segments()) segments.push(segment);
  return { segments, isComplete: map.isComplete };
}

describe('cli/SavedMap', () => {
  it('closes a file of which not all was read, also where it is refused', async () => {
    const lines = [HEADING, range('0x1000', '0x1fff'), END];
    const left = await isClosed(lines, async (context) => {
      await using map = await SavedMap.open('-', context, 'diff');
      expect(map.heading.of).to.equal('ranges');
    });
    expect(left).to.equal(true);
    const refused = await isClosed(['{}', END], (context) => expectRejection(SavedMap.open('-', context, 'diff')));
    expect(refused).to.equal(true);
  });

  const attributes = { rights: { write: true, user: false, exec: true }, protectionKey: null, global: true };

  it('takes ranges for what they are, and knows where they lead if that is one piece', async () => {
    const { segments, isComplete } = await read([HEADING, range('0x0', '0x1fff'), range('0x2000', '0x2fff', 2), END]);
    expect(isComplete).to.equal(true);
    const counts = {
      accessed: 2,
      dirty: 1,
      pageSizeBytes: null,
      onlySizeBytes: 4096,
      leafCount: 2,
      regions: undefined,
    };
    expect(segments).to.deep.equal([
      { first: 0n, last: 0x1fffn, ...attributes, ...counts, physicalFirst: 0x5000n },
      { first: 0x2000n, last: 0x2fffn, ...attributes, ...counts, physicalFirst: null },
    ]);
  });

  it('knows how many pages of which size a range has, and what lies there', async () => {
    const regions = '{"kind":"ram","name":"pc.ram"}';
    const large = (leaves: string): string =>
      range('0x200000', '0x5fffff', 1, `,"regions":[${regions}]`).replace('"leaves":{"4096":2}', `"leaves":${leaves}`);
    for (const [leaves, onlySizeBytes, leafCount] of [
      ['{"2097152":2}', 0x20_0000, 2],
      ['{"4096":512,"2097152":1}', null, 513],
      ['{"4096":0,"2097152":2}', 0x20_0000, 2],
    ] as const) {
      const [segment] = (await read([HEADING, large(leaves), END])).segments;
      expect(segment).to.deep.include({ onlySizeBytes, leafCount, regions: [{ kind: 'ram', name: 'pc.ram' }] });
    }
  });

  it('takes what paging leaves out where it is off: regions that are smaller than a page, and no pages', async () => {
    const off = range('0xfed00000', '0xfed003ff').replace(
      '{"4096":2},"accessed":2,"dirty":1',
      '{},"accessed":0,"dirty":0',
    );
    const { segments } = await read([HEADING.replace('4-level', 'off'), off, END]);
    expect(segments).to.have.length(1);
    expect(segments[0]).to.deep.include({ onlySizeBytes: null, leafCount: 0 });
  });

  it('takes pages likewise, to the last one that there can be', async () => {
    const { segments } = await read([PAGE_HEADING, page('0x1000'), page('0xfffffffffffff000'), END]);
    expect(segments.map(({ first, last, accessed, dirty }) => [first, last, accessed, dirty])).to.deep.equal([
      [0x1000n, 0x1fffn, 1, 0],
      [0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn, 1, 0],
    ]);
  });

  it('knows of pages that may only be executed', async () => {
    const executeOnly = page('0x2000').replace('"rights":{"write":true', '"rights":{"read":false,"write":false');
    const { segments } = await read([PAGE_HEADING, page('0x1000'), executeOnly, END]);
    expect(segments.map(({ rights }) => rights)).to.deep.equal([
      attributes.rights,
      { read: false, write: false, user: false, exec: true },
    ]);
  });

  it('has all that a heading says', async () => {
    const heading = {
      ...{ kind: 'map', of: 'pages', mode: '5-level', cpu: 3, cr3: '0x1000', changes: ['CR4.SMEP=1'] },
      ...{ nested: { any: 'thing' }, first: '0x0', last: '0xffffffffffffffff', filter: 'w+x' },
      assumed: [
        { name: 'vendor', value: 'intel', why: 'not told', decides: true },
        { name: 'a20', value: true, why: 'not told', decides: false },
        { name: 'x', value: null, why: '', decides: false },
        { name: 'maxPhyAddr', value: 52, why: 'not told', decides: true },
      ],
    };
    const input = bytesOf([JSON.stringify(heading)]);
    await using map = await SavedMap.open('-', quietContext({ input }), 'diff');
    expect({ name: map.name, isComplete: map.isComplete }).to.deep.equal({
      name: 'standard input',
      isComplete: undefined,
    });
    const cause = { code: 'as-saved', text: 'not told' };
    expect(map.heading).to.deep.equal({
      ...{ ...heading, cr3: 0x1000n, first: 0n, last: 0xffff_ffff_ffff_ffffn },
      assumed: [
        { name: 'vendor', value: 'intel', decides: true, cause },
        { name: 'a20', value: true, decides: false, cause },
        { name: 'x', value: null, decides: false, cause: { code: 'as-saved', text: '' } },
        { name: 'maxPhyAddr', value: 52, decides: true, cause },
      ],
    });
  });

  it('has all that a page says, of each size', async () => {
    const region = { kind: 'device', name: 'vga' };
    for (const [size, last] of [
      [4096, 0xc000_0fffn],
      [0x20_0000, 0xc01f_ffffn],
      [0x40_0000, 0xc03f_ffffn],
      [0x4000_0000, 0xffff_ffffn],
    ] as const) {
      const line = page('0xc0000000')
        .replace('"size":4096', `"size":${size}`)
        .replace('"protectionKey":null,"global":true', '"protectionKey":15,"global":false')
        .replace('"accessed":true,"dirty":false', '"accessed":false,"dirty":true')
        .replace('"physicalAddress"', `"region":${JSON.stringify(region)},"physicalAddress"`);
      expect((await read([PAGE_HEADING, line, END])).segments, String(size)).to.deep.equal([
        {
          ...{ first: 0xc000_0000n, last, rights: attributes.rights, protectionKey: 15, global: false },
          ...{ pageSizeBytes: size, physicalFirst: 0x5000n, accessed: 0, dirty: 1 },
          ...{ onlySizeBytes: size, leafCount: 1, regions: [region] },
        },
      ]);
    }
    const [plain] = (await read([PAGE_HEADING, page('0x0'), END])).segments;
    expect(plain).to.deep.include({ regions: undefined, protectionKey: null });
  });

  it('takes the last address of each mode, the first of the upper half, and ranges that touch', async () => {
    for (const [mode, lower, upper] of [
      ['32-bit', '0xffffffff', null],
      ['pae', '0xffffffff', null],
      ['4-level', '0x7fffffffffff', '0xffff800000000000'],
      ['5-level', '0xffffffffffffff', '0xff00000000000000'],
    ] as const) {
      const heading = HEADING.replace('4-level', mode);
      const low = range('0x0', '0xfff');
      const lines = [
        heading,
        low,
        range('0x1000', lower),
        ...(upper === null ? [] : [range(upper, '0xffffffffffffffff')]),
      ];
      expect((await read([...lines, END])).segments, mode).to.have.length(lines.length - 1);
      const beyond = formatHex(BigInt(lower) + 1n);
      const refused = await expectRejection(read([heading, range(beyond, formatHex(BigInt(beyond) + 0xfffn)), END]));
      expect(refused.message).to.equal(`standard input:2: has an address that there is not in ${mode}`);
    }
  });

  it('takes as many pages with A and D as there are, and lines of 65536 characters', async () => {
    const full = range('0x0', '0x1fff').replace('"dirty":1', '"dirty":2');
    expect((await read([HEADING, full, END])).segments[0]).to.deep.include({ accessed: 2, dirty: 2, leafCount: 2 });
    const spaced = (length: number): string => `${' '.repeat(length - full.length)}${full}`;
    expect((await read([HEADING, spaced(65_536), END])).segments).to.have.length(1);
    expect((await expectRejection(read([HEADING, spaced(65_537), END]))).message).to.equal(
      'standard input:2: is too long; a map is saved by pagewalk map --json',
    );
  });

  it('knows an incomplete map', async () => {
    expect((await read([HEADING, '{"kind":"end","complete":false}'])).isComplete).to.equal(false);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['nothing', [], /^standard input: is empty; a map is saved by pagewalk map --json$/],
    ['something else', ['hello'], /^standard input:1: is not JSON; /],
    ['a line without end', [`${' '.repeat(100_000)}{}`], /^standard input:1: is too long; /],
    ['other JSON', ['{"kind":"summary"}'], /^standard input:1: is no line of a map \(kind: .*\); /],
    ['an array', ['[]'], /^standard input:1: is no line of a map; a map is saved by pagewalk map --json$/],
    [
      'an assumption that is none',
      [HEADING.replace('"assumed":[]', '"assumed":[{"name":"a","value":[],"why":"","decides":true}]')],
      /^standard input:1: is no line of a map \(assumed\.0\.value: Invalid input\); a map is saved by pagewalk map --json$/,
    ],
    ['a heading twice', [HEADING, HEADING], /^standard input:2: is no line of a map \(kind: /],
    [
      'a number for an address',
      [HEADING, range('0x0', '0xfff').replace('"0x0"', '0')],
      /:2: is no line of a map \(first: /,
    ],
    ['another paging mode', [HEADING.replace('4-level', '6-level')], /:1: is no line of a map \(mode: /],
    ['a part of a page', [HEADING, range('0x1000', '0x17ff')], /:2: does not begin and end where a page does$/],
    [
      'a large page that lies askew',
      [PAGE_HEADING, page('0x1000').replace('4096', '2097152')],
      /:2: does not begin and end where a page does$/,
    ],
    ['a page of no such size', [PAGE_HEADING, page('0x0').replace('4096', '8192')], /:2: is no line of a map \(size: /],
    [
      'an address between the halves',
      [HEADING, range('0x800000000000', '0x800000000fff')],
      /:2: has an address that there is not in 4-level$/,
    ],
    [
      'an address beyond 32 bits without long mode',
      [HEADING.replace('4-level', 'pae'), range('0xffff0000', '0x1000000ff')],
      /:2: has an address that there is not in pae$/,
    ],
    [
      'a key of five bits',
      [HEADING, range('0x0', '0xfff').replace('"protectionKey":null', '"protectionKey":16')],
      /:2: is no line of a map \(protectionKey: /,
    ],
    [
      'less than no page',
      [HEADING, range('0x0', '0xfff').replace('"accessed":2', '"accessed":-1')],
      /:2: is no line of a map \(accessed: /,
    ],
    [
      'a part of a page that is dirty',
      [HEADING, range('0x0', '0xfff').replace('"dirty":1', '"dirty":0.5')],
      /:2: is no line of a map \(dirty: /,
    ],
    [
      'more accessed pages than pages',
      [HEADING, range('0x0', '0x1fff').replace('"accessed":2', '"accessed":3')],
      /:2: has more pages with A or D than pages$/,
    ],
    [
      'more dirty pages than pages',
      [HEADING, range('0x0', '0x1fff').replace('"dirty":1', '"dirty":3')],
      /:2: has more pages with A or D than pages$/,
    ],
    ['no piece of physical memory', [HEADING, range('0x0', '0xfff', 0)], /:2: is no line of a map \(physicalPieces: /],
    [
      'a key below zero',
      [HEADING, range('0x0', '0xfff').replace('"protectionKey":null', '"protectionKey":-1')],
      /:2: is no line of a map \(protectionKey: /,
    ],
    ['a range that begins within a page', [HEADING, range('0x1800', '0x1fff')], /:2: does not begin and end where a/],
    ['a page among ranges', [HEADING, page('0x1000'), END], /^standard input:2: is no part of a map of ranges$/],
    ['a range among pages', [PAGE_HEADING, range('0x0', '0xfff'), END], /:2: is no part of a map of pages$/],
    ['disorder', [PAGE_HEADING, page('0x2000'), page('0x1000'), END], /^standard input:3: is not in ascending order$/],
    ['overlap', [HEADING, range('0x0', '0x1fff'), range('0x1000', '0x2fff'), END], /:3: is not in ascending order$/],
    [
      'overlap of a byte, where paging is off',
      [HEADING.replace('4-level', 'off'), range('0x0', '0x10'), range('0x10', '0x20'), END],
      /:3: is not in ascending order$/,
    ],
    ['an end before the beginning', [HEADING, range('0x1000', '0xfff'), END], /:2: is not in ascending order$/],
    ['more after the end', [HEADING, END, range('0x0', '0xfff')], /:3: comes after the end of the map$/],
    [
      'a map that was cut off',
      [HEADING, range('0x0', '0xfff')],
      /^standard input: has no last line .*: it was cut off$/,
    ],
  ];
  for (const [name, lines, message] of refused) {
    it(`refuses ${name}`, async () => {
      const error = await expectRejection(read(lines));
      expect(error).to.be.instanceOf(InputFileError);
      expect(error.message).to.match(message);
    });
  }
});
