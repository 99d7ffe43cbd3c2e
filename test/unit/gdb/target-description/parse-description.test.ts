import { expect } from 'chai';
import { GdbTargetDescriptionError } from '../../../../protocols/gdb/index.ts';
import {
  type DescriptionItem,
  parseDescription,
} from '../../../../protocols/gdb/target-description/parse-description.ts';

const parse = (source: string): readonly DescriptionItem[] => parseDescription('target.xml', source);
const register = (attributes: string): DescriptionItem | undefined =>
  parse(`<target><feature name="f"><reg ${attributes}/></feature></target>`)[0];
const refused = (source: string): string => {
  try {
    parse(source);
  } catch (error) {
    if (error instanceof GdbTargetDescriptionError) return error.message;
    throw error;
  }
  return expect.fail(`it was taken: ${source}`);
};

describe('parseDescription', () => {
  it('reads entities wherever they stand, and no others', () => {
    expect(parse('<target><architecture>&lt;i&amp;j&gt; &quot;k&apos;</architecture></target>')).to.deep.equal([
      { kind: 'architecture', name: '<i&j> "k\'' },
    ]);
    expect(register('name="a&amp;b" bitsize="8"')).to.include({ name: 'a&b' });
    for (const text of ['&nbsp;', '&#60;', '&', '&amp', '&lt ;', '&quotquot;']) {
      expect(refused(`<target><architecture>${text}</architecture></target>`), text).to.contain('unknown entity');
    }
  });

  it('names no more than the beginning of an unknown entity', () => {
    const text = (name: string) => `<target><architecture>&${name};</architecture></target>`;
    expect(refused(text('abcdefghijkl'))).to.contain("unknown entity '&abcdefgh' at");
    expect(refused(text('abc'))).to.contain("unknown entity '&abc' at");
  });

  it('takes registers of whole bytes, up to the bounds and not beyond', () => {
    expect(register("name='a' bitsize='8'")).to.deep.equal({
      ...{ kind: 'register', name: 'a', bits: 8, number: undefined, feature: 'f' },
    });
    expect(register('name="a" bitsize="65536" regnum="65535"')).to.include({ bits: 65_536, number: 65_535 });
    for (const bits of ['0', '4', '12', '65544', '-8', '8.0', '', '0x8', '1000000']) {
      expect(
        refused(`<target><feature name="f"><reg name="a" bitsize="${bits}"/></feature></target>`),
        bits,
      ).to.contain('unusable size');
    }
    for (const number of ['65536', '-1', '', '1e3']) {
      expect(
        refused(`<target><feature name="f"><reg name="a" bitsize="8" regnum="${number}"/></feature></target>`),
        number,
      ).to.contain('unusable number');
    }
    expect(refused('<target><feature name="f"><reg bitsize="8"/></feature></target>')).to.contain('without a name');
    expect(refused('<target><reg name="a" bitsize="8"/></target>')).to.contain('outside of a feature');
    expect(refused('<target><feature name="f"></feature><reg name="a" bitsize="8"/></target>')).to.contain(
      'outside of',
    );
  });

  it('includes what can be a file of the stub, whose name becomes part of a request', () => {
    const include = (href: string) => `<target><xi:include href="${href}"/></target>`;
    expect(parse(include('i386-64bit.xml'))).to.deep.equal([{ kind: 'include', annex: 'i386-64bit.xml' }]);
    expect(parse(include('x'.repeat(128)))).to.have.lengthOf(1);
    for (const href of ['', '.xml', '-a', 'a:b', 'a,b', 'a b', 'x'.repeat(129)]) {
      expect(refused(include(href)), href).to.contain('which is no file name');
    }
    expect(refused('<target><xi:include/></target>')).to.contain('which is no file name');
  });

  it('wants tags that nest, 64 deep at most', () => {
    const deep = (count: number) => `${'<a>'.repeat(count)}${'</a>'.repeat(count)}`;
    expect(parse(deep(64))).to.deep.equal([]);
    expect(refused(deep(65))).to.contain('nested more than 64 deep');
    expect(refused('<a><b></a></b>')).to.contain("end tag 'a' closes nothing");
    expect(refused('</a>')).to.contain("end tag 'a' closes nothing");
    expect(refused('<a><b></b>')).to.contain("tag 'a' is not closed");
  });

  it('wants one document, with nothing but blanks around it', () => {
    expect(
      parse(' \n<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd"> <a/>\n<!-- <b> -->\n'),
    ).to.deep.equal([]);
    expect(parse('<??><!----><a><!----></a>')).to.deep.equal([]);
    expect(refused('x<a/>')).to.contain('text outside of the document');
    expect(refused('<a/>x')).to.contain('text outside of the document');
    for (const [source, problem] of [
      ['<!-- <a/>', 'unfinished comment'],
      ['<!-->', 'unfinished comment'],
      ['<?xml <a/>', 'unfinished declaration'],
      ['<?>', 'unfinished declaration'],
      ['<!DOCTYPE a [<!ENTITY b "c">]><a/>', 'unknown declaration'],
      ['<a b="c" b="d"/>', "attribute 'b' twice"],
      ['<a b=c/>', "unfinished tag 'a'"],
      ['<a', "unfinished tag 'a'"],
      ['<a></a', "unfinished end tag 'a'"],
      ['<>', 'tag without a name'],
      ['<a></>', 'end tag without a name'],
    ] as const) {
      expect(refused(source), source).to.contain(problem);
    }
  });

  it('has the text of an element alone', () => {
    expect(parse('<target>\n<architecture>\n i386 \n</architecture>\n</target>')).to.deep.equal([
      { kind: 'architecture', name: 'i386' },
    ]);
    expect(parse('<target><architecture><b/>i386</architecture></target>')).to.deep.equal([
      { kind: 'architecture', name: 'i386' },
    ]);
  });
});
