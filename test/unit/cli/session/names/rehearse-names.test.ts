import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { KernelFiles } from '../../../../../src/cli/session/names/kernel-files.ts';
import type { LookAtLinux } from '../../../../../src/cli/session/names/look-at-linux.ts';
import { rehearseNames } from '../../../../../src/cli/session/names/rehearse-names.ts';
import type { GuestView } from '../../../../../src/guest/index.ts';
import { type KernelNames, type KnownKernels, makeColumns, SymbolTable } from '../../../../../src/linux/internal.ts';
import { FlatMemory } from '../../../../support/linux/flat-memory.ts';

const TEXT = 0xffff_ffff_9a00_0000n;
const NAMES: KernelNames = {
  ...{ wordBytes: 8, textFirst: TEXT, layout: null, btf: null, banner: 'Linux version 6.1.0', missing: [] },
  symbols: new SymbolTable(makeColumns([{ name: '_stext', type: 'T', address: TEXT }]), { lowest: TEXT }),
  buildId: { id: 'ab12', address: TEXT + 0x1000n, lengthBytes: 2 },
};

describe('cli/rehearseNames', () => {
  let cache = '';
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(cache, { recursive: true }));

  /** A view without any Linux, and what it was asked. */
  function viewOf() {
    const log: unknown[] = [];
    const memory = new FlatMemory();
    const view = {
      lookForLinux: async (known: KnownKernels) => {
        known.keep(NAMES);
        log.push(known.at(TEXT));
        await nextTurn();
        log.push('looked');
        throw new Error('there is none');
      },
      addressSpace: async (cpu: number) => {
        log.push(`space ${cpu}`);
        return memory.space;
      },
    } as unknown as GuestView;
    return { view, log };
  }

  it('looks for a Linux where there is none, knows none, keeps none, and asks nothing of names that there are not', async () => {
    const { view, log } = viewOf();
    const environment = { XDG_CACHE_HOME: cache };
    await rehearseNames(view, { environment }, () => Promise.reject(new Error('asked')));
    expect(log).to.deep.equal([[], 'looked']);
    expect(new KernelFiles({ ...environment }).at(TEXT)).to.deep.equal([]);
  });

  it('asks one that has the names of the last guest, whatever comes of it', async () => {
    new KernelFiles({ XDG_CACHE_HOME: cache }).keep(NAMES);
    const { view, log } = viewOf();
    await rehearseNames(view, { environment: { XDG_CACHE_HOME: cache } }, async (looked: LookAtLinux) => {
      expect(looked.view).to.equal(view);
      expect(await looked.linux.physicalOf(0x1234n)).to.equal(0x1234);
      await nextTurn();
      log.push(looked.linux.banner);
      throw new Error('its memory is empty');
    });
    expect(log).to.deep.equal([[], 'looked', 'space 0', NAMES.banner]);
    // Its processes, which are not known of it.
    await rehearseNames(view, { environment: { XDG_CACHE_HOME: cache } });
    expect(log.slice(4)).to.deep.equal([[], 'looked', 'space 0']);
  });
});
