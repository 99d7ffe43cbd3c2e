import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Runs a program with what was kept of it, in a process of its own: compiled code is kept as that ends. */
const RUN = `
  import { runKept } from ${JSON.stringify(new URL('../../../src/cli/kept-code.js', import.meta.url).href)};
  const [file, directory, version, purpose] = process.argv.slice(1);
  console.log(runKept(file, directory, version, purpose));`;
const PROGRAM = `#!/usr/bin/env node
  console.log(require('node:path').basename(__filename), module.exports === exports);`;

describe('kept code', () => {
  const scratch = useScratchDirectory();
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(scratch('kept-'));
    file = join(mkdtempSync(scratch('program-')), 'program.js');
    writeFileSync(file, PROGRAM);
  });

  const run = (version = '1.0.0', purpose = 'answer'): string[] => {
    const words = ['--input-type=module', '-e', RUN, file, directory, version, purpose];
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    expect(stderr).to.equal('');
    return stdout.trim().split('\n');
  };
  const kept = (): string[] => readdirSync(directory);

  it('runs from the second time on, and the program does the same', () => {
    expect(run()).to.deep.equal(['program.js true', 'false']);
    expect(kept()).to.have.lengthOf(1);
    expect(statSync(join(directory, kept()[0] ?? '')).mode & 0o777).to.equal(0o600);
    expect(run()).to.deep.equal(['program.js true', 'true']);
  });

  it('is not that of another version, which goes, nor that of a program that was changed', () => {
    run();
    expect(run('1.0.1')).to.deep.equal(['program.js true', 'false']);
    expect(kept()).to.have.lengthOf(1);
    writeFileSync(file, PROGRAM.replace('basename', 'extname '));
    expect(run('1.0.1')).to.deep.equal(['.js true', 'false']);
  });

  it('is kept for each kind of run, and not of one that failed', () => {
    run();
    expect(run('1.0.0', 'other')[1]).to.equal('false');
    expect(run('1.0.0', 'other')[1]).to.equal('true');
    expect(run()[1]).to.equal('true');
    writeFileSync(file, `${PROGRAM} process.exitCode = 2;`);
    run();
    expect(kept().filter((name) => name.endsWith(`-${statSync(file).mtimeMs}-answer`))).to.deep.equal([]);
  });

  it('does not run when it is damaged, and is made anew', () => {
    run();
    const path = join(directory, kept()[0] ?? '');
    for (const damage of [Buffer.alloc(0), Buffer.from('no code')]) {
      writeFileSync(path, damage);
      expect(run()).to.deep.equal(['program.js true', 'false']);
      expect(run()).to.deep.equal(['program.js true', 'true']);
    }
  });

  it('stays the file that it is where it runs', () => {
    run();
    const path = join(directory, kept()[0] ?? '');
    const { ino } = statSync(path);
    run();
    expect(statSync(path).ino).to.equal(ino);
  });

  it('is kept of a run that says no, too, and nothing else goes from where it is kept', () => {
    writeFileSync(file, `${PROGRAM} process.exitCode = 1;`);
    writeFileSync(join(directory, 'notes'), '');
    run();
    expect(run()).to.deep.equal(['program.js true', 'true']);
    writeFileSync(file, PROGRAM);
    run();
    expect(kept()).to.have.lengthOf(2).and.to.include('notes');
  });

  it('leaves nothing half done where its place is taken', () => {
    run();
    const [name = ''] = kept();
    rmSync(join(directory, name));
    mkdirSync(join(directory, name, 'taken'), { recursive: true });
    expect(run()).to.deep.equal(['program.js true', 'false']);
    expect(kept()).to.deep.equal([name]);
  });

  it('is not missed where it cannot be kept', () => {
    rmSync(directory, { recursive: true });
    expect(run()).to.deep.equal(['program.js true', 'false']);
  });
});
