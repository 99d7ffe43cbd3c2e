import { expect } from 'chai';
import {
  listPages,
  type PageRule,
  pagesOf,
  parsePageRule,
  parsePages,
} from '../../../../../src/cli/commands/hv-translate/page-rules.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';

const rule = (text: string): PageRule => parsePageRule(text, 'hv-translate');

describe('cli/parsePageRule', () => {
  const cases: readonly (readonly [string, PageRule])[] = [
    ['5=r', { first: 5n, last: 5n, read: true, write: false, vtl: null }],
    ['5=w', { first: 5n, last: 5n, read: false, write: true, vtl: null }],
    ['0x10-0x1f=rwx', { first: 16n, last: 31n, read: true, write: true, vtl: null }],
    ['7-7=x', { first: 7n, last: 7n, read: false, write: false, vtl: null }],
    ['9=-', { first: 9n, last: 9n, read: false, write: false, vtl: null }],
    ['9=-@1', { first: 9n, last: 9n, read: false, write: false, vtl: 1 }],
    ['1-2=wr@15', { first: 1n, last: 2n, read: true, write: true, vtl: 15 }],
  ];
  for (const [text, expected] of cases) {
    it(`understands ${text}`, () => {
      expect(rule(text)).to.deep.equal(expected);
    });
  }

  it('refuses what is no rule, in words', () => {
    const form = 'is not PAGE=RIGHTS or PAGE=RIGHTS@VTL, with r, w, x or - for no rights';
    for (const [text, message] of [
      ['5', `--protect "5" ${form}`],
      ['=r', `--protect "=r" ${form}`],
      ['5=', `--protect "5=" ${form}`],
      ['5=r-', `--protect "5=r-" ${form}`],
      ['5=rwxq', `--protect "5=rwxq" ${form}`],
      ['5=r@16', 'VTL of --protect "16" is not a whole number from 1 to 15'],
      ['5=r@', 'VTL of --protect "" is not a whole number from 1 to 15'],
      ['2-1=r', '--protect "2-1" ends before it begins'],
    ] as const) {
      expect(() => rule(text), text)
        .to.throw(UsageError)
        .that.includes({ message, command: 'hv-translate' });
    }
  });
});

describe('cli/parsePages', () => {
  it('takes a page, or both ends of a range', () => {
    expect(parsePages('3', '--overlay', 'hv-translate')).to.deep.equal({ first: 3n, last: 3n });
    expect(parsePages('3-0x5', '--overlay', 'hv-translate')).to.deep.equal({ first: 3n, last: 5n });
    expect(() => parsePages('1-2-3', '--overlay', 'hv-translate')).to.throw(
      UsageError,
      '--overlay "1-2-3" is not PAGE, nor FIRST-LAST',
    );
  });
});

describe('cli/listPages', () => {
  it('has each page of each range, up to 65536 of them together', () => {
    expect(listPages([], '--overlay', 'hv-translate')).to.deep.equal([]);
    const ranges = [
      { first: 7n, last: 9n },
      { first: 1n, last: 1n },
    ];
    expect(listPages(ranges, '--overlay', 'hv-translate')).to.deep.equal([7n, 8n, 9n, 1n]);
    const most = [...ranges, { first: 0x100n, last: 0x100n + 65_531n }];
    const pages = listPages(most, '--overlay', 'hv-translate');
    expect([pages.length, pages.at(-1)]).to.deep.equal([65_536, 0x100n + 65_531n]);
    expect(() => listPages([...most, { first: 0n, last: 0n }], '--overlay', 'hv-translate')).to.throw(
      UsageError,
      '--overlay names 65537 pages; 65536 are as many as it takes',
    );
  });
});

describe('cli/pagesOf', () => {
  /** Of pages, number 3 is in ROM. */
  const asked: (readonly [number, number])[] = [];
  const map = {
    isWritable: (address: number, bytes: number) => {
      asked.push([address, bytes]);
      return address !== 0x3000;
    },
  };

  it('leaves of a page what all rules leave, and what memory does', () => {
    const rules = ['2-4=rw', '4=r', '5=-', '6=r@1', '6-7=rw@1', '4=-@2'].map(rule);
    const { overlayPages, accessTo, protections = [] } = pagesOf(map, { overlayPages: [8n], rules });
    expect(overlayPages).to.deep.equal([8n]);
    const all = [1n, 2n, 3n, 4n, 5n, 6n].map((page) => accessTo?.(page));
    const [free, readOnly, none] = [
      { read: true, write: true },
      { read: true, write: false },
      { read: false, write: false },
    ];
    expect(all).to.deep.equal([free, free, readOnly, readOnly, none, free]);
    expect(asked).to.deep.include([0x1000, 4096]).and.deep.include([0x6000, 4096]);
    expect(protections.map(({ vtl }) => vtl)).to.deep.equal([1, 2]);
    const [first, second] = protections;
    expect([5n, 6n, 7n, 8n].map((page) => first?.accessTo(page))).to.deep.equal([free, readOnly, free, free]);
    expect([3n, 4n, 5n].map((page) => second?.accessTo(page))).to.deep.equal([free, none, free]);
  });

  it('has no protections where no rule names a VTL', () => {
    expect(pagesOf(map, { overlayPages: [], rules: [rule('1=r')] }).protections).to.deep.equal([]);
  });
});
