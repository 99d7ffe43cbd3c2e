import { fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { descriptorBytes } from '../../../../../src/guest/memory/host/descriptor-bytes.ts';

describe('a file of this host as guest memory', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function openBytes(): number {
    const file = join(folder, 'ram');
    writeFileSync(
      file,
      Uint8Array.from({ length: 16 }, (_, at) => at),
    );
    return openSync(file, 'r');
  }

  it('is read at each position, to the last byte, and closed with it', () => {
    const descriptor = openBytes();
    const bytes = descriptorBytes(descriptor);
    const targets = [new Uint8Array(3), new Uint8Array(1), new Uint8Array(0)] as const;
    const pieces = [
      { position: 2, target: targets[0] },
      { position: 15, target: targets[1] },
      { position: 16, target: targets[2] },
    ];
    expect(bytes.read(pieces)).to.equal(undefined);
    expect(targets.map((target) => [...target])).to.deep.equal([[2, 3, 4], [15], []]);
    bytes.close();
    expect(() => fstatSync(descriptor)).to.throw('EBADF');
  });

  it('is refused where it ends before: the mapping is gone', () => {
    const bytes = descriptorBytes(openBytes());
    const target = new Uint8Array(4);
    expect(() => bytes.read([{ position: 13, target }])).to.throw(RangeError, /^only 3 of 4 bytes could be read$/);
    bytes.close();
  });
});
