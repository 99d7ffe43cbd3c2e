import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compiledCodeDirectory } from '../../../src/cli/compiled-code.ts';

describe('where compiled code is kept', () => {
  let home: string;
  let cache: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'));
    cache = join(home, '.cache');
    mkdirSync(cache, { mode: 0o755 });
  });

  afterEach(() => rmSync(home, { recursive: true }));

  it('is a directory for this user only, in the home', () => {
    const directory = join(cache, 'pagewalk');
    expect(compiledCodeDirectory({ HOME: home })).to.equal(directory);
    expect(statSync(directory).mode & 0o777).to.equal(0o700);
    expect(compiledCodeDirectory({ HOME: home }), 'the next run').to.equal(directory);
  });

  it('is where XDG_CACHE_HOME says, if that is a path', () => {
    expect(compiledCodeDirectory({ XDG_CACHE_HOME: cache, HOME: '/nowhere' })).to.equal(join(cache, 'pagewalk'));
    expect(compiledCodeDirectory({ XDG_CACHE_HOME: 'a', HOME: home })).to.equal(join(cache, 'pagewalk'));
  });

  it('is nowhere without a home, and no directory is made for it', () => {
    expect(compiledCodeDirectory({})).to.equal(undefined);
    rmSync(cache, { recursive: true });
    expect(compiledCodeDirectory({ HOME: home })).to.equal(undefined);
    expect(existsSync(cache)).to.equal(false);
  });

  for (const part of ['.', '.cache', '.cache/pagewalk']) {
    it(`is nowhere when others may write in ${part}`, () => {
      compiledCodeDirectory({ HOME: home });
      chmodSync(join(home, part), 0o777);
      expect(compiledCodeDirectory({ HOME: home })).to.equal(undefined);
    });
  }

  for (const mode of [0o720, 0o702]) {
    it(`is nowhere where it has mode ${mode.toString(8)}, and is where others may look in`, () => {
      const directory = compiledCodeDirectory({ HOME: home });
      chmodSync(join(home, '.cache/pagewalk'), mode);
      expect(compiledCodeDirectory({ HOME: home })).to.equal(undefined);
      chmodSync(join(home, '.cache/pagewalk'), 0o755);
      expect(compiledCodeDirectory({ HOME: home })).to.equal(directory);
    });
  }

  it('is nowhere when a file is in its place', () => {
    writeFileSync(join(cache, 'pagewalk'), '', { mode: 0o600 });
    expect(compiledCodeDirectory({ HOME: home })).to.equal(undefined);
  });

  it('is nowhere when a link is in its place', () => {
    symlinkSync(home, join(cache, 'pagewalk'));
    expect(compiledCodeDirectory({ HOME: home })).to.equal(undefined);
  });

  it('is nowhere in the home of another user, as in a root shell that kept it', () => {
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(home, 1, 1);
    expect(compiledCodeDirectory(isRoot ? { HOME: home } : { XDG_CACHE_HOME: '/usr/share' })).to.equal(undefined);
  });
});
