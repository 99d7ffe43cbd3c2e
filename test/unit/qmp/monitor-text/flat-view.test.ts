import { expect } from 'chai';
import { type FlatView, MonitorTextError, parseFlatViews, selectFlatView } from '../../../../protocols/qmp/index.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';

/** A view as lines, addresses in hex. */
function show(view: FlatView | undefined): string[] {
  const hex = (value: bigint): string => value.toString(16);
  return (view?.ranges ?? []).map(({ first, last, priority, type, nonVolatile, name, offset }) => {
    return `${hex(first)}-${hex(last)} ${priority} ${nonVolatile ? 'nv-' : ''}${type} ${name} @${hex(offset)}`;
  });
}

const PC_MEMORY = [
  '0-bffff 0 ram pc.ram @0',
  'c0000-dffff 1 rom pc.rom @0',
  'e0000-fffff 0 rom pc.bios @20000',
  '100000-7ffffff 0 ram pc.ram @100000',
  'fec00000-fec00fff 0 i/o ioapic @0',
  'fed00000-fed003ff 0 i/o hpet @0',
  'fee00000-feefffff 4096 i/o apic-msi @0',
  'fffc0000-ffffffff 0 rom pc.bios @0',
];

/** One view with these lines of ranges. */
function viewOf(...lines: string[]): string {
  return ['FlatView #0', ' AS "memory", root: system', ' Root memory region: system', ...lines, ''].join('\n');
}

function onlyRange(line: string): string | undefined {
  return show(parseFlatViews(viewOf(line))[0])[0];
}

describe('parseFlatViews', () => {
  it('reads what QEMU 7.2 prints of an empty PC', () => {
    const views = parseFlatViews(readFixtureText('qmp/mtree.txt'));
    expect(views.length).to.equal(5);
    expect(show(selectFlatView(views, 'memory'))).to.deep.equal(PC_MEMORY);
    expect(selectFlatView(views, 'cpu-memory-1')).to.equal(selectFlatView(views, 'memory'));
    expect(selectFlatView(views, 'memory')?.root).to.equal('system');
    expect(selectFlatView(views, 'I/O')?.ranges.at(-1)?.last.toString(16)).to.equal('ffff');
    expect(selectFlatView(views, 'cpu-memory-9')).to.equal(undefined);
  });

  it('reads a view without a root as one without ranges', () => {
    const view = selectFlatView(parseFlatViews(readFixtureText('qmp/mtree.txt')), 'PIIX3');
    expect(view).to.deep.include({ root: null, ranges: [] });
    expect(view?.addressSpaces[0]).to.deep.equal({ name: 'i440FX', root: 'bus master container' });
  });

  it('does not mind owners', () => {
    const views = parseFlatViews(readFixtureText('qmp/mtree-owners.txt'));
    expect(show(selectFlatView(views, 'memory'))).to.deep.equal(PC_MEMORY);
  });

  it('does not mind the marks of KVM', () => {
    const views = parseFlatViews(readFixtureText('qmp/mtree-kvm.txt'));
    expect(show(selectFlatView(views, 'memory'))).to.deep.equal(
      PC_MEMORY.map((line) => line.replace(/ (ioapic|apic-msi) /, ' kvm-$1 ')),
    );
  });

  it('reads it the same with plain line ends', () => {
    const text = readFixtureText('qmp/mtree.txt');
    expect(text).to.contain('\r\n');
    expect(parseFlatViews(text.replaceAll('\r\n', '\n'))).to.deep.equal(parseFlatViews(text));
  });

  const RANGES: ReadonlyArray<readonly [line: string, range: string]> = [
    [
      '  00000000febf0500-00000000febf0515 (prio 0, i/o): bochs dispi interface',
      'febf0500-febf0515 0 i/o bochs dispi interface @0',
    ],
    ['  0000000000000000-0000000000000fff (prio -1000, i/o): x', '0-fff -1000 i/o x @0'],
    ['  0000000100000000-0000000107ffffff (prio 0, nv-ram): dm0', '100000000-107ffffff 0 nv-ram dm0 @0'],
    ['  00000000ffc00000-00000000ffffffff (prio 0, romd): system.flash0', 'ffc00000-ffffffff 0 romd system.flash0 @0'],
    [
      '  00000000e0000000-00000000efffffff (prio 0, ramd): 0000:01:00.0 BAR 1 mmaps[0]',
      'e0000000-efffffff 0 ramd 0000:01:00.0 BAR 1 mmaps[0] @0',
    ],
    ['  0000000000000000-0000000000000fff (prio 0, ram): pc.ram @0000000000001000 KVM KVM', '0-fff 0 ram pc.ram @1000'],
    ['  0000000000000000-0000000000000fff (prio 0, ram): a @b', '0-fff 0 ram a @b @0'],
    ['  0000000000000000-ffffffffffffffff (prio 0, i/o): all', '0-ffffffffffffffff 0 i/o all @0'],
    [
      '  0000000000000000-0000000000000fff (prio 0, ram): x @0000000000000010 owner:{dev id=a b} KVM',
      '0-fff 0 ram x @10',
    ],
  ];
  for (const [line, range] of RANGES) {
    it(`reads ${line.trim()}`, () => {
      expect(onlyRange(line)).to.equal(range);
    });
  }

  it('reads the alias of an address space', () => {
    const [view] = parseFlatViews('FlatView #7\n AS "e1000", root: bus master, alias system, alias x\n');
    expect(view?.addressSpaces).to.deep.equal([{ name: 'e1000', root: 'bus master', alias: 'system, alias x' }]);
  });

  const GARBAGE: ReadonlyArray<readonly [text: string, lineNumber: number, problem: RegExp]> = [
    ['', 0, /no FlatView/],
    ['\r\n\r\n', 0, /no FlatView/],
    ["unknown command: 'info mtree -f'\n", 1, /a FlatView should begin/],
    ['FlatView #\n', 1, /a FlatView has no number/],
    ['FlatView #x\n', 1, /a FlatView has no number/],
    ['FlatView #1 x\n', 1, /a FlatView has no number/],
    [viewOf('  garbage'), 4, /neither an address space nor a range/],
    [viewOf('  0000000000000000-0000000000000fff (prio 0, rum): x'), 4, /"rum" is no known kind/],
    [viewOf('  0000000000001000-0000000000000fff (prio 0, ram): x'), 4, /ends before it begins/],
    [
      viewOf(
        '  0000000000000000-0000000000001000 (prio 0, ram): x',
        '  0000000000001000-0000000000001fff (prio 0, ram): y',
      ),
      5,
      /overlaps/,
    ],
  ];
  for (const [text, lineNumber, problem] of GARBAGE) {
    it(`refuses ${JSON.stringify(text.slice(-60))} and names the line`, () => {
      expect(() => parseFlatViews(text))
        .to.throw(MonitorTextError, problem)
        .with.property('lineNumber', lineNumber);
    });
  }

  it('refuses a text that was cut inside a line', () => {
    const text = readFixtureText('qmp/mtree.txt');
    const whole = parseFlatViews(text).flatMap(show);
    for (let end = 1; end < text.length; end++) {
      const cut = text.slice(0, end);
      if (!cut.endsWith('\n')) expect(() => parseFlatViews(cut)).to.throw(MonitorTextError, /last line is not whole/);
      else
        expect(whole.slice(0, parseFlatViews(cut).flatMap(show).length)).to.deep.equal(
          parseFlatViews(cut).flatMap(show),
        );
    }
  });

  it('reads no line twice, whatever an owner is said to be', () => {
    const owners = ' owner:{}'.repeat(400);
    expect(onlyRange(`  0000000000000000-0000000000000fff (prio 0, ram): x${owners}`)).to.equal('0-fff 0 ram x @0');
    expect(onlyRange(`  0000000000000000-0000000000000fff (prio 0, ram): x${owners}!`)).to.match(
      /^0-fff 0 ram x owner/,
    );
  });

  it('hands on no character that a terminal obeys', () => {
    expect(onlyRange('  0000000000000000-0000000000000fff (prio 0, ram): a\u001b[2J\u009b\u202eb')).to.equal(
      '0-fff 0 ram a\\u001b[2J\\u009b\\u202eb @0',
    );
    const [view] = parseFlatViews('FlatView #7\n AS "\u0090a", root: \u0090b, alias \u0090c\n');
    expect(view?.addressSpaces).to.deep.equal([{ name: '\\u0090a', root: '\\u0090b', alias: '\\u0090c' }]);
  });

  const range = (at: number): string => {
    const digits = (value: number): string => value.toString(16).padStart(16, '0');
    return `  ${digits(at * 0x2000)}-${digits(at * 0x2000 + 0xfff)} (prio 0, ram): x`;
  };
  const ranges = (count: number): string => viewOf(...Array.from({ length: count }, (_, at) => range(at)));
  const EXCESSES: ReadonlyArray<readonly [what: string, text: string, problem: RegExp]> = [
    ['views', 'FlatView #0\n'.repeat(4097), /more than 4096 views/],
    ['ranges in a view', ranges(32_769), /a view has more than 32768 ranges/],
    ['ranges in all', ranges(20_000).repeat(7), /more than 131072 ranges/],
    [
      'address spaces',
      viewOf().replace(/^ AS.*\n/m, ' AS "x", root: y\n'.repeat(32_769)),
      /more than 32768 address spaces/,
    ],
    ['lines', '\n'.repeat(524_289), /more than 524288 lines/],
    ['characters in a line', `FlatView #${'0'.repeat(5000)}\n`, /more than 4096 characters/],
  ];
  for (const [what, text, problem] of EXCESSES) {
    it(`refuses more ${what} than any machine has`, () => {
      expect(() => parseFlatViews(text)).to.throw(MonitorTextError, problem);
    });
  }

  it('reads as many ranges, address spaces and views as are allowed', () => {
    const views = parseFlatViews(ranges(32_768).repeat(4));
    expect(views.map((view) => view.ranges.length)).to.deep.equal(Array(4).fill(32_768));
    const spaces = viewOf().replace(/^ AS.*\n/m, ' AS "x", root: y\n'.repeat(32_768));
    expect(parseFlatViews(spaces)[0]?.addressSpaces).to.have.length(32_768);
    expect(parseFlatViews('FlatView #0\n'.repeat(4096))).to.have.length(4096);
  });
});
