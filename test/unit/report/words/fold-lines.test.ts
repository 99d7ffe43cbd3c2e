import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { COLOURED } from '../../../../src/report/index.ts';
import { foldLines } from '../../../../src/report/words/fold-lines.ts';

const widthOf = (line: string): number => stripVTControlCharacters(line).length;

describe('foldLines', () => {
  it('leaves what fits as it is, and what programs read', () => {
    const fits = `${'a '.repeat(39)}ab`;
    expect(fits).to.have.length(80);
    const json = `{"names":"${'a '.repeat(100)}"}`;
    for (const text of [`${fits}\n`, `${json}\n`, 'short\n', '']) expect(foldLines(text, 80)).to.equal(text);
  });

  it('fills a line to its last column, and counts no colours', () => {
    const full = `  ${'a '.repeat(38)}ab`;
    expect(full).to.have.length(80);
    expect(foldLines(`${full} c`, 80)).to.equal(`${full}\n      c`);
    expect(foldLines(`${full}c d`, 80)).to.equal(`  ${'a '.repeat(37)}a\n      abc d`);
    const coloured = `  ${COLOURED.good('a')} ${'a '.repeat(37)}${COLOURED.bad('ab')}`;
    expect(widthOf(coloured)).to.equal(80);
    expect(foldLines(coloured, 80)).to.equal(coloured);
  });

  it('parts a line where columns of a table part, and sets the rest in', () => {
    const row = '0x0000008000000000-0x0000008000000fff      4K  rwxu  1x4K A=0 D=0  → 0x120000-0x120fff RAM pc.ram';
    const [first, second, ...others] = foldLines(`${row}\nnext\n`, 80).split('\n');
    expect(first).to.equal('0x0000008000000000-0x0000008000000fff      4K  rwxu  1x4K A=0 D=0');
    expect(second).to.equal('    → 0x120000-0x120fff RAM pc.ram');
    expect(others).to.deep.equal(['next', '']);
    expect(foldLines(row, 100)).to.equal(row);
    const far = 'RIP         0x0000000000100550                        monitor: info registers, RIP';
    expect(foldLines(far, 80)).to.equal('RIP         0x0000000000100550\n    monitor: info registers, RIP');
  });

  it('parts sentences between words, as often as is needed, and goes on from where the line began', () => {
    const words = `  ${'word '.repeat(60)}end`;
    const lines = foldLines(words, 80).split('\n');
    expect(lines).to.have.length(5);
    for (const line of lines) expect(line.length).to.be.at.most(80);
    expect(lines.slice(1).every((line) => /^ {6}[we]/.test(line))).to.equal(true);
    expect(lines.join(' ').split(/ +/)).to.deep.equal(words.split(/ +/));
    const path = `pagewalk: /${'a'.repeat(200)}: no`;
    expect(foldLines(path, 80).split('\n')).to.deep.equal(['pagewalk:', `    /${'a'.repeat(200)}:`, '    no']);
  });

  it('leaves a paragraph flush', () => {
    const words = `Lists what ${'the word says '.repeat(20)}in the end.`;
    const lines = foldLines(words, 80).split('\n');
    expect(lines.length).to.be.greaterThan(3);
    expect(lines.every((line) => /^\S/.test(line) && line.length <= 80)).to.equal(true);
    expect(lines.join(' ')).to.equal(words);
  });

  it('goes on below the last column of a line that is set in', () => {
    const option = `  --range FIRST-LAST  ${'only pages that overlap these '.repeat(4)}`.trimEnd();
    const [first = '', ...others] = foldLines(option, 80).split('\n');
    expect(first).to.match(/^ {2}--range FIRST-LAST {2}only/);
    expect(others).to.have.length(2);
    for (const line of others) expect(line).to.match(/^ {22}\S/);
  });

  it('goes on from the beginning of a line whose last column is in its right half', () => {
    const far = `  ${'x'.repeat(45)}  ${'only pages that overlap these '.repeat(4)}`.trimEnd();
    const [, ...others] = foldLines(far, 80).split('\n');
    expect(others.length).to.be.greaterThan(1);
    for (const line of others) expect(line).to.match(/^ {6}\S/);
  });

  it('parts a line no further to the left than its middle', () => {
    const row = `${'a'.repeat(30)}  ${'b '.repeat(24)}b ${'c'.repeat(10)}`;
    expect(foldLines(row, 80)).to.equal(`${'a'.repeat(30)}  ${'b '.repeat(23)}b\n    b ${'c'.repeat(10)}`);
  });

  it('counts what is seen, not what sets it off', () => {
    const { bad, faint, strong } = COLOURED;
    const cells = [strong('0x0000000000001000'), bad('a'.repeat(30)), faint('b'.repeat(26))];
    const text = cells.join('  ');
    expect(widthOf(text)).to.equal(78);
    expect(foldLines(text, 80)).to.equal(text);
    const [first = '', second = '', ...more] = foldLines(`${text}  ${strong('more')}`, 80).split('\n');
    expect([widthOf(first), second, more.length]).to.deep.equal([78, `    ${strong('more')}`, 0]);
  });
});
