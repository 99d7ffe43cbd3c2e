import { expect } from 'chai';
import type { PageAttributes } from '../../../../src/paging/index.ts';
import { formatRights, readMapFilter } from '../../../../src/report/index.ts';

/** Every page of each combination of rights; those of users are global and have key 3. */
const PAGES = [false, true].flatMap((write) =>
  [false, true].flatMap((user) =>
    [false, true].map((exec): PageAttributes => {
      return { rights: { write, user, exec }, protectionKey: user ? 3 : 0, global: user };
    }),
  ),
);

function wanted(text: string, pages: readonly PageAttributes[] = PAGES): readonly string[] {
  const filter = readMapFilter(text);
  if (typeof filter !== 'function') throw new RangeError(`"${text}" is no filter: ${filter.term}`);
  return pages.filter(filter).map(({ rights }) => formatRights(rights));
}

describe('report/readMapFilter', () => {
  it('has a term for each right and for its absence', () => {
    expect(wanted('w')).to.deep.equal(['rw--', 'rwx-', 'rw-u', 'rwxu']);
    expect(wanted('ro')).to.deep.equal(['r---', 'r-x-', 'r--u', 'r-xu']);
    expect(wanted('x')).to.deep.equal(['r-x-', 'r-xu', 'rwx-', 'rwxu']);
    expect(wanted('nx')).to.deep.equal(['r---', 'r--u', 'rw--', 'rw-u']);
    expect(wanted('user')).to.deep.equal(['r--u', 'r-xu', 'rw-u', 'rwxu']);
    expect(wanted('supervisor')).to.deep.equal(['r---', 'r-x-', 'rw--', 'rwx-']);
    expect(wanted('global')).to.deep.equal(wanted('user'));
  });

  it('has no page that may only be executed for read-only', () => {
    const rights = { read: false, write: false, user: true, exec: true } as const;
    expect(wanted('ro', [{ rights, protectionKey: null, global: false }])).to.deep.equal([]);
  });

  it('takes + for and, a comma for or, and capitals as small letters', () => {
    expect(wanted('w+x')).to.deep.equal(['rwx-', 'rwxu']);
    expect(wanted('W+X,RO+NX')).to.deep.equal(['r---', 'r--u', 'rwx-', 'rwxu']);
    expect(wanted('w+user+nx')).to.deep.equal(['rw-u']);
  });

  it('knows the sixteen keys', () => {
    expect(wanted('key=3')).to.deep.equal(wanted('user'));
    expect(wanted('key=15')).to.deep.equal([]);
    const keyed = Array.from({ length: 16 }, (_, protectionKey): PageAttributes => {
      return { rights: { write: true, user: true, exec: false }, protectionKey, global: false };
    });
    for (const { protectionKey } of keyed) expect(wanted(`key=${protectionKey}`, keyed)).to.have.lengthOf(1);
    const given = readMapFilter('key=0xf', (text) => Number(text));
    expect(typeof given === 'function' && keyed.filter(given)).to.deep.equal([keyed[15]]);
  });

  it('names the term that says nothing, and those that there are', () => {
    for (const [text, term] of [
      ...['key=16', 'key=', 'key=-1', 'key=03', 'r', 'toString'].map((each) => [each, each.toLowerCase()] as const),
      ['w+y', 'y'],
      ['w,', ''],
      ['w++x', ''],
    ] as const) {
      expect(readMapFilter(text), text).to.deep.equal({
        term,
        known: ['w', 'ro', 'x', 'nx', 'user', 'supervisor', 'global'],
      });
    }
  });
});
