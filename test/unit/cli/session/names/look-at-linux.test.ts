import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KernelFiles, readLatestNames } from '../../../../../src/cli/session/names/kernel-files.ts';
import { lookAtLinux } from '../../../../../src/cli/session/names/look-at-linux.ts';
import type { GuestView, OpenGuest } from '../../../../../src/guest/index.ts';
import type { FoundLinux } from '../../../../../src/guest/internal.ts';
import { type KernelNames, type KnownKernels, makeColumns, SymbolTable } from '../../../../../src/linux/internal.ts';

const TEXT = 0xffff_ffff_9a00_0000n;
const QUESTION = { cpu: 0, live: false };

const NAMES: KernelNames = {
  wordBytes: 8,
  textFirst: TEXT,
  symbols: new SymbolTable(makeColumns([{ name: '_stext', type: 'T', address: TEXT }]), { lowest: TEXT }),
  layout: null,
  btf: null,
  banner: 'Linux version 6.1.0',
  buildId: { id: 'ab12', address: TEXT + 0x1000n, lengthBytes: 2 },
  missing: [],
};

describe('lookAtLinux', () => {
  let cache = '';
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(cache, { recursive: true }));

  /** A guest with one kernel; what is done to it, and with files of names, is kept in order. */
  function guestOf(): { guest: OpenGuest; log: string[] } {
    const log: string[] = [];
    const lookForLinux = async (known: KnownKernels): Promise<FoundLinux> => {
      log.push('asked');
      const [kernel] = known.at(TEXT);
      const space = undefined as never;
      if (kernel === undefined) {
        const image = { textFirst: TEXT, wordBytes: 8, readOnly: [], isTextStart: () => true } as const;
        return { space, kernel: { image } };
      }
      if (kernel.names !== null) return { space, kernel: { names: kernel.names } };
      const load = (): KernelNames | null => {
        log.push('file read');
        return kernel.load();
      };
      return { space, kernel: { known: { ...kernel, load } } };
    };
    const view = { lookForLinux } as unknown as GuestView;
    const look = async (): Promise<GuestView> => {
      log.push('paused');
      return view;
    };
    const resume = async (): Promise<void> => void log.push('resumed');
    return { guest: { look, running: { resume } } as unknown as OpenGuest, log };
  }

  it('reads no file of names while the guest is paused, and none when it is asked again', async () => {
    new KernelFiles({ XDG_CACHE_HOME: cache }).keep(NAMES);
    const environment = { XDG_CACHE_HOME: cache };
    const { guest, log } = guestOf();
    const first = await lookAtLinux(await guest.look(), guest, QUESTION, { environment });
    expect(first.linux.banner).to.equal(NAMES.banner);
    expect(log).to.deep.equal(['paused', 'asked', 'resumed', 'file read', 'paused', 'asked']);
    log.splice(0);
    // It is kept with the guest, and not in the folder alone.
    await lookAtLinux(await guest.look(), guest, QUESTION, { environment });
    expect(log).to.deep.equal(['paused', 'asked']);
  });

  it('needs one pause for the kernel that was looked at last', async () => {
    const environment = { XDG_CACHE_HOME: cache };
    new KernelFiles({ XDG_CACHE_HOME: cache }).keep(NAMES);
    const { guest, log } = guestOf();
    // Beforehand, while no guest waits.
    expect(readLatestNames(environment)?.banner).to.equal(NAMES.banner);
    const { linux } = await lookAtLinux(await guest.look(), guest, QUESTION, { environment });
    expect(linux.banner).to.equal(NAMES.banner);
    expect(log).to.deep.equal(['paused', 'asked']);
  });

  it('reads a kernel anew whose file is damaged', async () => {
    const files = new KernelFiles({ XDG_CACHE_HOME: cache });
    files.keep(NAMES);
    const folder = join(cache, 'pagewalk', 'kernels');
    for (const file of readdirSync(folder)) writeFileSync(join(folder, file), 'damaged');
    const { guest, log } = guestOf();
    const { linux } = await lookAtLinux(await guest.look(), guest, QUESTION, {
      environment: { XDG_CACHE_HOME: cache },
    });
    expect(linux.names.symbols).to.equal(null);
    expect(log.slice(0, 6)).to.deep.equal(['paused', 'asked', 'resumed', 'file read', 'paused', 'asked']);
  });
});
