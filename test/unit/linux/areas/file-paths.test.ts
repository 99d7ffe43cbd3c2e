import { expect } from 'chai';
import { readFilePaths } from '../../../../src/linux/areas/file-paths.ts';
import { buildBtf } from '../../../support/linux/build-btf.ts';
import { FlatMemory } from '../../../support/linux/flat-memory.ts';

/** Structures with words that are as few as can be. */
const BTF = buildBtf({
  file: { f_path: { at: 0, of: { mnt: 0, dentry: 8 } } },
  dentry: { d_parent: 0, d_name: { at: 8, of: { len: 4, name: 8 } } },
  vfsmount: { mnt_root: 0 },
  mount: { mnt_parent: 0, mnt_mountpoint: 8, mnt: { at: 16, of: { mnt_root: 0 } } },
});
const ROOT_MOUNT = 0x10_0000;
const OTHER_MOUNT = 0x10_0100;
const ROOT = 0x20_0000;
const OTHER_ROOT = 0x20_1000;
const dentryAt = (number: number): number => 0x30_0000 + 32 * number;
const fileAt = (number: number): number => 0x1000_0000 + 16 * number;

function fileSystem(): FlatMemory {
  const memory = new FlatMemory();
  memory.word(ROOT_MOUNT, ROOT_MOUNT, ROOT, ROOT);
  memory.word(OTHER_MOUNT, ROOT_MOUNT, dentryAt(0), OTHER_ROOT);
  for (const root of [ROOT, OTHER_ROOT]) dentry(memory, root, root, '/');
  dentry(memory, dentryAt(0), ROOT, 'mnt');
  dentry(memory, dentryAt(1), OTHER_ROOT, 'lib');
  dentry(memory, dentryAt(2), dentryAt(1), 'libc.so.6');
  return memory;
}

function dentry(memory: FlatMemory, address: number, parent: number, name: string, length = name.length): void {
  const text = 0x0800_0000 + (address & 0xff_ffff) * 8;
  memory.text(text, name);
  memory.word(address, parent, BigInt(length) << 32n, text);
}

function file(memory: FlatMemory, number: number, at: number, mount = OTHER_MOUNT): bigint {
  memory.word(fileAt(number), mount + 16, at);
  return BigInt(fileAt(number));
}

const read = (memory: FlatMemory, files: readonly bigint[]) => readFilePaths(files, BTF, memory.space);

describe('linux/readFilePaths', () => {
  it('follows a path across a mount, and what is in no folder', async () => {
    const memory = fileSystem();
    dentry(memory, dentryAt(9), dentryAt(9), 'memfd:x');
    const files = [file(memory, 0, dentryAt(2)), file(memory, 1, dentryAt(9)), file(memory, 2, OTHER_ROOT)];
    const { paths, isWhole } = await read(memory, files);
    expect([...paths.values()]).to.deep.equal(['/mnt/lib/libc.so.6', '/memfd:x', '/mnt']);
    expect(isWhole).to.equal(true);
  });

  it('has no path where it leads to no root: what is cut off would look like one', async () => {
    const memory = fileSystem();
    dentry(memory, dentryAt(1), 0xdead_0000, 'lib');
    dentry(memory, dentryAt(3), OTHER_ROOT, 'long', 256);
    dentry(memory, dentryAt(4), dentryAt(4) + 32, 'loop');
    dentry(memory, dentryAt(5), dentryAt(4), 'loop');
    for (let depth = 10; depth < 80; depth += 1) dentry(memory, dentryAt(depth), dentryAt(depth + 1), 'deep');
    dentry(memory, dentryAt(80), OTHER_ROOT, 'deep');
    const lost = [2, 3, 5, 10].map((number) => file(memory, number, dentryAt(number)));
    const whole = file(memory, 99, dentryAt(0), ROOT_MOUNT);
    const { paths, isWhole } = await read(memory, [...lost, whole]);
    expect([...paths]).to.deep.equal([[whole, '/mnt']]);
    expect(isWhole).to.equal(false);
  });

  it('reads each folder once, and ends where names would fill the memory', async () => {
    const memory = fileSystem();
    const name = 'n'.repeat(255);
    for (let depth = 100; depth < 150; depth += 1) dentry(memory, dentryAt(depth), dentryAt(depth + 1), name);
    dentry(memory, dentryAt(150), OTHER_ROOT, name);
    const files = Array.from({ length: 4000 }, (_, number) => file(memory, number, dentryAt(100)));
    const { paths, isWhole } = await read(memory, files);
    expect(isWhole).to.equal(false);
    const characters = [...paths.values()].reduce((sum, path) => sum + path.length, 0);
    expect(characters).to.be.within(15 << 20, 16 << 20);
    // A level needs its dentries, mounts and names, which here are all in pages of their own.
    expect(memory.flights.length).to.be.below(250);
  });
});
