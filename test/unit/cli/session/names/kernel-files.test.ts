import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KernelFiles, readLatestNames } from '../../../../../src/cli/session/names/kernel-files.ts';
import { listKernels } from '../../../../../src/cli/session/names/kernel-folder.ts';
import {
  decodeKernelNames,
  encodeKernelNames,
  type KernelNames,
  LinuxDataError,
  makeColumns,
  SymbolTable,
} from '../../../../../src/linux/internal.ts';

const TEXT = 0xffff_ffff_9a00_0000n;

function namesOf(id: string, textFirst = TEXT): KernelNames {
  const symbols = ['_stext', 'do_exit', 'naïve'].map((name, at) => ({
    name,
    type: 'T',
    address: textFirst + BigInt(at) * 64n,
  }));
  return {
    wordBytes: 8,
    textFirst,
    symbols: new SymbolTable(makeColumns(symbols), { lowest: textFirst }),
    layout: { form: 'base', order: 'names-first' },
    btf: null,
    banner: 'Linux version 6.1.0 (é) #1',
    buildId: { id, address: textFirst + 0x1000n, lengthBytes: id.length / 2 },
    missing: ['something is missing'],
  };
}

describe('names of kernels in the cache folder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const files = (): KernelFiles => new KernelFiles({ XDG_CACHE_HOME: folder });
  const kernels = (): string => join(folder, 'pagewalk', 'kernels');

  it('come back as they were, by where the kernel is and its build id', () => {
    const names = namesOf('ab12');
    files().keep(names);
    const [known, another] = files().at(TEXT);
    expect(another).to.equal(undefined);
    expect(known?.buildId).to.deep.equal(names.buildId);
    const loaded = known?.load();
    expect({ ...loaded, symbols: [...(loaded?.symbols ?? [])] }).to.deep.equal({
      ...names,
      symbols: [...(names.symbols ?? [])],
    });
    expect(files().at(TEXT + 0x20_0000n)).to.deep.equal([]);
  });

  it('are for their user alone', () => {
    files().keep(namesOf('ab12'));
    expect(statSync(kernels()).mode & 0o777).to.equal(0o700);
    for (const file of readdirSync(kernels())) expect(statSync(join(kernels(), file)).mode & 0o777).to.equal(0o600);
  });

  it('are of eight kernels at most', () => {
    for (let kernel = 10; kernel < 22; kernel += 1) files().keep(namesOf(`ab${kernel}`));
    expect(readdirSync(kernels())).to.have.length(8);
  });

  it('are at hand where they were used last; those that were not used for longest go first', () => {
    const ids = Array.from({ length: 8 }, (_, kernel) => `ab${kernel + 10}`);
    const used = (id: string, hours: number): void => {
      const name = readdirSync(kernels()).find((file) => file.includes(id)) ?? '';
      utimesSync(join(kernels(), name), hours * 3600, hours * 3600);
    };
    expect(readLatestNames({ XDG_CACHE_HOME: folder })).to.equal(null);
    for (const [hours, id] of ids.entries()) {
      files().keep(namesOf(id));
      used(id, hours);
    }
    const environment = { XDG_CACHE_HOME: folder };
    expect(readLatestNames(environment)?.buildId?.id).to.equal('ab17');
    const atHand = new KernelFiles(environment).at(TEXT).filter(({ names }) => names !== null);
    expect(atHand.map(({ buildId }) => buildId.id)).to.deep.equal(['ab17']);
    const [first] = files()
      .at(TEXT)
      .filter(({ buildId }) => buildId.id === 'ab10');
    first?.load();
    expect(readLatestNames({ XDG_CACHE_HOME: folder })?.buildId?.id).to.equal('ab10');
    files().keep(namesOf('ab18'));
    const left = files()
      .at(TEXT)
      .map(({ buildId }) => buildId.id);
    expect(left.sort()).to.deep.equal(['ab10', ...ids.slice(2), 'ab18']);
  });

  it('are nothing where they are damaged, or of another kernel than their name says', () => {
    files().keep(namesOf('ab12'));
    const [file = ''] = readdirSync(kernels());
    const bytes = readFileSync(join(kernels(), file));
    writeFileSync(join(kernels(), file.replace('ab12', 'cd34')), bytes);
    writeFileSync(join(kernels(), file), bytes.subarray(0, 100));
    expect(
      files()
        .at(TEXT)
        .map((known) => known.load()),
    ).to.deep.equal([null, null]);
    expect(readLatestNames({ XDG_CACHE_HOME: folder })).to.equal(null);
  });

  it('are read from no file once they are at hand', () => {
    files().keep(namesOf('ab12'));
    const environment = { XDG_CACHE_HOME: folder };
    const names = readLatestNames(environment);
    rmSync(kernels(), { recursive: true });
    expect(readLatestNames(environment)).to.equal(names);
    const [known] = new KernelFiles(environment).at(TEXT);
    expect(known?.names).to.equal(names);
    expect(known?.load()).to.equal(names);
  });

  it('are those of the others where a file goes after it was seen, and nothing where it was the only one', () => {
    files().keep(namesOf('ab12'));
    files().keep(namesOf('cd34'));
    const named = (id: string): string =>
      join(kernels(), readdirSync(kernels()).find((file) => file.includes(id)) ?? '');
    // The one that stays was used half a millisecond after the beginning of time, and yet after one that is gone.
    utimesSync(named('cd34'), 0.0005, 0.0005);
    const environment = { XDG_CACHE_HOME: folder };
    expect(listKernels(environment)).to.have.length(2);
    rmSync(named('ab12'));
    expect(readLatestNames(environment)?.buildId?.id).to.equal('cd34');
    const later = { XDG_CACHE_HOME: folder };
    expect(listKernels(later)).to.have.length(1);
    rmSync(named('cd34'));
    expect(readLatestNames(later)).to.equal(null);
    const [gone] = new KernelFiles(later).at(TEXT);
    expect([gone?.names, gone?.load()]).to.deep.equal([null, null]);
  });

  it('are not kept of a kernel that has no symbols or no build id', () => {
    files().keep({ ...namesOf('ab12'), symbols: null });
    files().keep({ ...namesOf('ab12'), buildId: null });
    expect(files().at(TEXT)).to.deep.equal([]);
  });

  it('leave nothing half written behind where their place is taken', () => {
    files().keep(namesOf('ab12'));
    const [name = ''] = readdirSync(kernels());
    rmSync(join(kernels(), name));
    mkdirSync(join(kernels(), name, 'taken'), { recursive: true });
    files().keep(namesOf('ab12'));
    expect(readdirSync(kernels())).to.deep.equal([name]);
    // What is there cannot be read either.
    expect(readLatestNames({ XDG_CACHE_HOME: folder })).to.equal(null);
  });

  it('are kept beside a link that leads nowhere, which is none of them', () => {
    files().keep(namesOf('ab12'));
    const [name = ''] = readdirSync(kernels());
    symlinkSync(join(kernels(), 'gone'), join(kernels(), name.replace('ab12', 'cd34')));
    files().keep(namesOf('ef56'));
    const loaded = files()
      .at(TEXT)
      .map((known) => known.load()?.buildId?.id ?? null);
    expect(loaded).to.have.members(['ab12', null, 'ef56']);
  });

  it('are read of files of 128 MiB at most', () => {
    files().keep(namesOf('ab12'));
    const [name = ''] = readdirSync(kernels());
    const load = () => files().at(TEXT)[0]?.load() ?? null;
    truncateSync(join(kernels(), name), 128 * 1024 * 1024);
    expect(load()?.buildId?.id).to.equal('ab12');
    truncateSync(join(kernels(), name), 128 * 1024 * 1024 + 1);
    expect(load()).to.equal(null);
  });

  it('are nothing where the folder cannot be written', () => {
    writeFileSync(join(folder, 'pagewalk'), '');
    files().keep(namesOf('ab12'));
    expect(files().at(TEXT)).to.deep.equal([]);
  });

  it('that are damaged end in an error, and in nothing worse', () => {
    const good = encodeKernelNames(namesOf('ab12')) ?? new Uint8Array();
    for (let at = 0; at < good.length; at += 1) {
      const bytes = good.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 0x15;
      for (const file of [bytes, good.slice(0, at)]) {
        try {
          decodeKernelNames(file);
        } catch (error) {
          expect(error).to.be.instanceOf(LinuxDataError);
        }
      }
    }
  });
});
