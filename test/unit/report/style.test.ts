import { expect } from 'chai';
import { COLOURED, PLAIN } from '../../../src/report/index.ts';

describe('report/style', () => {
  it('switches each attribute on, and that alone off again (ECMA-48, 8.3.117)', () => {
    const shown = Object.entries(COLOURED).map(([name, style]) => [name, style('x')]);
    expect(Object.fromEntries(shown)).to.deep.equal({
      good: '\u001b[32mx\u001b[39m',
      bad: '\u001b[31mx\u001b[39m',
      mark: '\u001b[33mx\u001b[39m',
      faint: '\u001b[2mx\u001b[22m',
      strong: '\u001b[1mx\u001b[22m',
    });
    for (const style of Object.values(COLOURED)) expect(style('')).to.equal('');
    for (const style of Object.values(PLAIN)) expect(style('x')).to.equal('x');
  });
});
