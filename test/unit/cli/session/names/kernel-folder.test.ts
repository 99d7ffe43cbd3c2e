import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kernelFolder, listKernels, readKernelFolder } from '../../../../../src/cli/session/names/kernel-folder.ts';

describe('the folder with names of kernels', () => {
  it('is where XDG_CACHE_HOME says, if that is a path, or in the home', () => {
    expect(kernelFolder({ XDG_CACHE_HOME: '/cache' })).to.equal('/cache/pagewalk/kernels');
    const own = join(homedir(), '.cache', 'pagewalk', 'kernels');
    for (const XDG_CACHE_HOME of ['', 'cache', undefined]) expect(kernelFolder({ XDG_CACHE_HOME })).to.equal(own);
  });

  it('has kernels by the names of its files, and nothing of what is called otherwise', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    try {
      const name = 'kernel-ab12-ffffffff9a001000-ffffffff9a000000.names';
      const others = ['x.new', `${name}.new`, name.replace('ab12', 'AB12'), name.replace('9a001000', '1000')];
      for (const file of [name, ...others]) writeFileSync(join(folder, file), '');
      expect(readKernelFolder(folder)).to.deep.equal([
        {
          ...{ path: join(folder, name), id: 'ab12', address: 0xffff_ffff_9a00_1000n },
          textFirst: 0xffff_ffff_9a00_0000n,
        },
      ]);
      expect(readKernelFolder(join(folder, 'none'))).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is looked at once for an environment', () => {
    const cache = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    try {
      const environment = { XDG_CACHE_HOME: cache };
      const first = listKernels(environment);
      expect(first).to.deep.equal([]);
      expect(listKernels(environment)).to.equal(first);
      expect(listKernels({ ...environment })).to.not.equal(first);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});
