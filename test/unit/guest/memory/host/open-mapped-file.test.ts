import { spawn } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Mapping } from '../../../../../src/guest/memory/host/mappings.ts';
import { openMappedFile } from '../../../../../src/guest/memory/host/open-mapped-file.ts';

const OWN = process.pid;
const O_NONBLOCK = 0o4000;

/** A mapping, with a range that this process has not, of what a descriptor leads to. */
function mappingOf(descriptor: number): Mapping {
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return {
    range: '1000-2000',
    first: 0x1000,
    end: 0x2000,
    isReadable: true,
    isShared: true,
    offset: 0,
    device: dev,
    inode: ino,
  };
}

function countOpen(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('the file that a process has mapped', () => {
  let folder = '';
  let held: number[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => {
    for (const descriptor of held) closeSync(descriptor);
    held = [];
    rmSync(folder, { recursive: true });
  });

  function hold(name: string, flags = 'r+'): number {
    const descriptor = openSync(name, flags);
    held.push(descriptor);
    return descriptor;
  }

  function holdFile(name: string): number {
    const file = join(folder, name);
    writeFileSync(file, `bytes of ${name}`);
    return hold(file);
  }

  it('is opened where the process holds it, whatever its name is now, and for reading alone', () => {
    const [, ram] = [holdFile('other'), holdFile('ram'), holdFile('third')];
    rmSync(join(folder, 'ram'));
    const before = countOpen();
    const opened = openMappedFile(OWN, mappingOf(ram));
    if (opened === undefined) throw new Error('it was not opened');
    held.push(opened);
    expect(countOpen(), 'one more, and no other').to.equal(before + 1);
    expect(opened).not.to.equal(ram);
    const bytes = Buffer.alloc(12);
    expect(readSync(opened, bytes, 0, 12, 0)).to.equal(12);
    expect(bytes.toString()).to.equal('bytes of ram');
    expect(() => writeSync(opened, 'x')).to.throw('EBADF');
    const [, flags = ''] = /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${opened}`, 'latin1')) ?? [];
    expect(Number.parseInt(flags, 8) & O_NONBLOCK).to.equal(O_NONBLOCK);
  });

  it('is opened where a process has it as its first descriptor alone', () => {
    const file = join(folder, 'input');
    writeFileSync(file, 'bytes of input');
    const descriptor = openSync(file, 'r');
    const mapping = mappingOf(descriptor);
    const other = spawn('sleep', ['60'], { stdio: [descriptor, 'ignore', 'ignore'] });
    closeSync(descriptor);
    try {
      if (other.pid === undefined) throw new Error('there is no process');
      const opened = openMappedFile(other.pid, mapping);
      if (opened === undefined) throw new Error('it was not opened');
      held.push(opened);
      expect(readFileSync(opened, 'latin1')).to.equal('bytes of input');
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('is none other, and none that is no plain file', () => {
    const ram = mappingOf(holdFile('ram'));
    const directory = mappingOf(hold(folder, 'r'));
    const before = countOpen();
    for (const mapping of [
      { ...ram, inode: ram.inode + (1n << 40n) },
      { ...ram, device: ram.device + 1n },
      directory,
    ]) {
      expect(openMappedFile(OWN, mapping)).to.equal(undefined);
    }
    expect(countOpen()).to.equal(before);
  });

  it('is not reached in a process that is gone', () => {
    // No process has this id: it is above the most that Linux gives.
    expect(openMappedFile(2 ** 30, mappingOf(holdFile('ram')))).to.equal(undefined);
  });
});
