import { expect } from 'chai';
import { findFaults, withFault } from '../../../../scripts/mutants/faults/drawing/find-faults.ts';

const broken = (source: string) => findFaults(source).map((fault) => withFault(source, fault));

describe('scripts/findFaults', () => {
  it('turns comparisons, logic and arithmetic over, one at a time', () => {
    expect(broken('const a = b === c && d;')).to.deep.equal(['const a = b !== c && d;', 'const a = b === c || d;']);
    expect(broken('x = 1 << 0;'), 'no direction').to.deep.equal(['x = 2 << 0;', 'x = 1 << 1;']);
    expect(broken('x = (y << z) - w;')).to.deep.equal(['x = (y >> z) - w;', 'x = (y << z) + w;']);
    expect(broken('const ok = !done;')).to.deep.equal(['const ok = done;']);
  });

  it('changes constants, also of 64 bits', () => {
    expect(broken('f(7, true);\n')).to.deep.equal(['f(8, true);\n', 'f(7, false);\n']);
    expect(broken('const mask = 0x1f_0000n;')).to.deep.equal(['const mask = 2031617n;']);
  });

  it('drops calls and awaits, and returns early', () => {
    const source = 'async function go() {\n    this.close();\n    await wait;\n}';
    expect(broken(source)).to.deep.equal([
      'async function go() {\n    this.close();\n     wait;\n}',
      'async function go() {\n\n    await wait;\n}',
      'async function go() { return;\n    this.close();\n    await wait;\n}',
    ]);
  });

  it('leaves text, comments, patterns, imports and what is no operation alone', () => {
    for (const source of [
      "const a = 'b === c && 1';",
      '// a === b\n/* c && 1 */',
      'const pattern = /a+|[/]b*1/g;',
      "import { a } from './b1.js';",
      'const each = (a) => a;',
      'function* causes() {}',
      'f(...list);',
    ]) {
      expect(broken(source), source).to.deep.equal([]);
    }
  });

  it('looks into template strings', () => {
    const template = (inside: string) => `const a = \`1 + \${${inside}} && 2\`;`;
    expect(broken(template('b + c'))).to.deep.equal([template('b - c')]);
  });

  it('leaves what the compiler has put before a file alone', () => {
    const helpers =
      'var __one = (this && this.__one) || function (a) {\n    if (a === 1) return 2;\n};\n' +
      'var __two = (function () {\n    return 1;\n})(3, function (e) {\n    return e;\n});\n';
    expect(broken(`${helpers}const a = 1;\n`)).to.deep.equal([`${helpers}const a = 2;\n`]);
  });
});
