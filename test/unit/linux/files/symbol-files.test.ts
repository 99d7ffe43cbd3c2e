import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputFileError } from '../../../../src/cli/errors.ts';
import { readSymbolsFile } from '../../../../src/cli/io/symbols-file.ts';
import { LinuxDataError } from '../../../../src/linux/errors.ts';
import { parseSymbolLines } from '../../../../src/linux/files/parse-symbol-lines.ts';
import { slideTo } from '../../../../src/linux/files/slide.ts';

const SOURCE = `
int initialized = 1; int zeroed; static const int constant = 2; static int local_zero;
static int helper(int a) { return a + constant; }
__attribute__((weak)) int weak_one(void) { return helper(local_zero); }
int _stext(void) { return helper(initialized) + weak_one() + zeroed; }
void _start(void) { for (;;) _stext(); }
`;

describe('symbols of files', () => {
  let folder = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    writeFileSync(join(folder, 'a.c'), SOURCE);
  });

  after(() => rmSync(folder, { recursive: true }));

  const build = (name: string, ...flags: readonly string[]): string => {
    const file = join(folder, name);
    execFileSync('gcc', [
      '-O0',
      '-nostdlib',
      '-static',
      '-no-pie',
      '-fno-pie',
      ...flags,
      join(folder, 'a.c'),
      '-o',
      file,
    ]);
    return file;
  };
  const sorted = (lines: readonly string[]): string[] => [...lines].sort();
  /** What nm lists; weak symbols and absolute ones have letters of their own. */
  const byNm = (file: string): string[] =>
    execFileSync('nm', [file], { encoding: 'latin1' })
      .trimEnd()
      .split('\n')
      .filter((line) => !/^ +[UwW] /.test(line));

  for (const [name, digits, ...flags] of [
    ['64 bits', 16, '-m64'],
    ['32 bits', 8, '-m32'],
    ['64 bits, relocatable', 16, '-m64', '-c'],
    ['64 bits, large addresses', 16, '-m64', '-mcmodel=kernel', '-Wl,-Ttext=0xffffffff81000000'],
  ] as const) {
    it(`of an ELF file are those of nm: ${name}`, () => {
      const file = build(name.replaceAll(/[^0-9a-z]/g, '-'), ...flags);
      const [table] = readSymbolsFile(file);
      const lines = [...(table ?? [])].map(
        ({ address, type, name: symbol }) => `${address.toString(16).padStart(digits, '0')} ${type} ${symbol}`,
      );
      expect(lines.length).to.be.greaterThan(5);
      expect(sorted(lines)).to.deep.equal(sorted(byNm(file)));
    });
  }

  it('of a stripped file are refused', () => {
    expect(() => readSymbolsFile(build('stripped', '-m64', '-s'))).to.throw(InputFileError, /stripped/);
  });

  it('end for every file that is cut short, or has bytes changed', () => {
    const whole = readFileSync(build('whole', '-m64'));
    const file = join(folder, 'cut');
    for (let length = 0; length < whole.length; length += 97) {
      const bytes = Buffer.from(whole.subarray(0, length));
      if (length % 2) bytes.fill(0xff, Math.max(4, length - 300));
      writeFileSync(file, bytes);
      try {
        readSymbolsFile(file);
      } catch (error) {
        expect(error).to.be.instanceOf(InputFileError);
      }
    }
  });

  const lines = (text: string) => parseSymbolLines(Buffer.from(text, 'latin1'), 'System.map');
  const MAP =
    '0000000000001000 A a_cpu_offset\nffffffff81000000 T _stext\nffffffff81000010 t f\nffffffffc0000000 t g\t[fuse]\n';

  it('of text are those of its lines, of each module apart', () => {
    const [kernel, fuse] = lines(MAP);
    expect(kernel?.addressOf('f')).to.equal(0xffff_ffff_8100_0010n);
    expect(fuse?.find('g')).to.deep.equal([{ name: 'g', address: 0xffff_ffff_c000_0000n, type: 't', module: 'fuse' }]);
    expect(() => lines('hello\n')).to.throw(LinuxDataError, 'System.map: line 1 is not an address');
    expect(() => lines('')).to.throw(LinuxDataError, 'no symbols');
    expect(() => lines(`1000 T ${'x'.repeat(5000)}`)).to.throw(LinuxDataError, 'too long');
  });

  it('move with the kernel, but for the offsets of per-CPU variables', () => {
    const [moved, none] = slideTo(lines(MAP), 0xffff_ffff_9a00_0000n, 'System.map');
    expect(none).to.equal(undefined);
    expect(moved?.addressOf('f')).to.equal(0xffff_ffff_9a00_0010n);
    expect(moved?.addressOf('a_cpu_offset')).to.equal(0x1000n);
    expect(slideTo(lines(MAP), 0xffff_ffff_8100_0000n, 'System.map')).to.have.length(2);
    expect(() => slideTo(lines(MAP), 0xffff_ffff_8110_0000n, 'System.map')).to.throw(/another kernel/);
    expect(() => slideTo(lines('1000 T f\n'), 0n, 'System.map')).to.throw(/no _stext/);
  });
});
