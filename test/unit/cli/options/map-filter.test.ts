import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseMapFilter } from '../../../../src/cli/options/map-filter.ts';

const parse = (text: string) => parseMapFilter(text, 'map');
const page = (parts: object) => ({
  ...{ rights: { write: false, user: false, exec: false }, protectionKey: null, global: false },
  ...parts,
});

describe('cli/parseMapFilter', () => {
  it('takes pages of a key up to the last', () => {
    const [zero, last] = [parse('key=0'), parse('key=15')];
    expect([0, 1, 15, null].map((protectionKey) => zero(page({ protectionKey })))).to.deep.equal([
      ...[true, false, false, false],
    ]);
    expect([0, 1, 15, null].map((protectionKey) => last(page({ protectionKey })))).to.deep.equal([
      ...[false, false, true, false],
    ]);
  });

  it('takes what has all rights of a term', () => {
    const filter = parse('w+x,user');
    const rights = (write: boolean, user: boolean, exec: boolean) => filter(page({ rights: { write, user, exec } }));
    expect([rights(true, false, true), rights(false, true, false), rights(true, false, false)]).to.deep.equal([
      ...[true, true, false],
    ]);
  });

  for (const [text, message] of [
    ['key=16', '--filter key "16" is not a whole number from 0 to 15'],
    ['key=x', '--filter key "x" is not a whole number from 0 to 15'],
  ] as const) {
    it(`refuses ${text}`, () => {
      expect(() => parse(text))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }

  it('says which rights there are, and which was meant', () => {
    expect(() => parse('w+globl'))
      .to.throw(UsageError)
      .that.includes({ command: 'map' })
      .with.property('message')
      .that.matches(
        /^--filter "w\+globl": unknown right "globl"; use w, ro, x, nx, user, supervisor, global, key=N; \+ is and, a comma is or; did you mean global\?$/,
      );
    expect(() => parse('xyzzy')).to.throw(/a comma is or$/);
  });
});
