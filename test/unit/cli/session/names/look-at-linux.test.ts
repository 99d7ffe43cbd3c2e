import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { KernelFiles, readLatestNames } from '../../../../../src/cli/session/names/kernel-files.ts';
import { lookAtLinux } from '../../../../../src/cli/session/names/look-at-linux.ts';
import type { GuestView, OpenGuest } from '../../../../../src/guest/index.ts';
import type { FoundLinux } from '../../../../../src/guest/internal.ts';
import {
  type KernelNames,
  type KnownKernels,
  LinuxDataError,
  makeColumns,
  SymbolTable,
} from '../../../../../src/linux/internal.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

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
    const resume = async (): Promise<void> => {
      await nextTurn();
      log.push('resumed');
    };
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
    // Of this image there is no build id, by which it would be known again: it is taken as it is in the last look.
    expect(log).to.deep.equal([
      ...['paused', 'asked', 'resumed', 'file read', 'paused', 'asked', 'resumed', 'paused', 'asked'],
    ]);
  });

  /** A guest whose looks show this, one after the other, the last again and again. */
  function guestShowing(shown: readonly (FoundLinux | Error)[], linearBits = 48) {
    const log: string[] = [];
    let looks = 0;
    const viewOf = (number: number): GuestView =>
      ({
        number,
        lookForLinux: async (known: KnownKernels, cpu: number): Promise<FoundLinux> => {
          log.push(`asked ${number} of vCPU ${cpu}`);
          const found = shown[Math.min(looks, shown.length - 1)];
          looks += 1;
          if (found === undefined || found instanceof Error) throw found;
          if (!('image' in found.kernel)) return found;
          const [kernel] = known.at(found.kernel.image.textFirst);
          return kernel?.names ? { ...found, kernel: { names: kernel.names } } : found;
        },
        addressSpace: async (cpu: number) => {
          log.push(`space of vCPU ${cpu}`);
          return { context: { linearBits } };
        },
      }) as unknown as GuestView;
    let views = 0;
    const look = async (): Promise<GuestView> => {
      views += 1;
      log.push(`paused ${views}`);
      return viewOf(views);
    };
    const resume = async (): Promise<void> => {
      await nextTurn();
      log.push('resumed');
    };
    return { guest: { look, running: { resume } } as unknown as OpenGuest, log, first: viewOf(0) };
  }

  const space = undefined as never;
  /** What was read of a kernel; with a note it has a build id. */
  function imageAt(textFirst: bigint, hasNote = true): FoundLinux {
    const note = Buffer.from('040000000200000003000000474e5500ab12', 'hex');
    const readOnly = hasNote ? [{ address: TEXT, bytes: new Uint8Array(Buffer.concat([note, Buffer.alloc(64)])) }] : [];
    return { space, kernel: { image: { textFirst, wordBytes: 8, readOnly, isTextStart: () => true } } };
  }
  const NONE = new LinuxDataError('Linux', 'there is none');
  const asking = () => ({ environment: { XDG_CACHE_HOME: cache } });

  it('lets the guest run while names are made, and knows the kernel by its build id then', async () => {
    const { guest, log, first } = guestShowing([imageAt(TEXT)]);
    const { linux } = await lookAtLinux(first, guest, { cpu: 3, live: false }, asking());
    expect(linux.names.buildId).to.deep.equal({ id: 'ab12', address: TEXT + 16n, lengthBytes: 2 });
    expect(log).to.deep.equal(['asked 0 of vCPU 3', 'resumed', 'paused 1', 'asked 1 of vCPU 3']);
  });

  it('asks a guest live without pausing or resuming it', async () => {
    const { guest, log, first } = guestShowing([imageAt(TEXT)]);
    const { view } = await lookAtLinux(first, guest, { cpu: 0, live: true }, asking());
    expect(view).to.equal(first);
    expect(log).to.deep.equal(['asked 0 of vCPU 0', 'asked 0 of vCPU 0']);
  });

  it('takes a guest that boots again and again as it is in the fourth look', async () => {
    const steps = [1n, 2n, 3n, 4n, 5n, 6n].map((step) => imageAt(TEXT + step * 0x20_0000n));
    const { guest, log, first } = guestShowing(steps);
    const { linux, view } = await lookAtLinux(first, guest, QUESTION, asking());
    expect(linux.names.textFirst).to.equal(TEXT + 0x80_0000n);
    expect(view).to.include({ number: 3 });
    expect(log.filter((each) => each.startsWith('asked'))).to.have.length(4);
  });

  it('says so where the names of the last look are gone', async () => {
    const [image, known] = [imageAt(TEXT, false), { ...NAMES, load: () => null, names: null }];
    const gone = { space, kernel: { known: { ...known, buildId: { id: 'ab12', address: 0n, lengthBytes: 2 } } } };
    const { guest, first } = guestShowing([image, gone]);
    const refused = await expectRejection(lookAtLinux(first, guest, QUESTION, asking()));
    expect(refused).to.be.instanceOf(LinuxDataError);
    expect(refused.message).to.equal('Linux: the names that were kept of it are gone');
  });

  it('has no Linux where there is none, and passes other failures on', async () => {
    const { guest, log, first } = guestShowing([NONE]);
    expect(await expectRejection(lookAtLinux(first, guest, QUESTION, asking()))).to.equal(NONE);
    expect(log).to.deep.equal(['asked 0 of vCPU 0']);
    const failure = new Error('the connection is closed');
    const question = { ...QUESTION, symbolsFile: '/nowhere' };
    const failing = guestShowing([failure]);
    expect(await expectRejection(lookAtLinux(failing.first, failing.guest, question, asking()))).to.equal(failure);
  });

  describe('with a file of symbols', () => {
    const symbolsFile = (): string => {
      const file = join(cache, 'System.map');
      writeFileSync(file, 'ffffffff81000000 T _stext\nffffffff81000010 T do_exit\nffffffffc0000000 t f\t[small]\n');
      return file;
    };

    for (const [linearBits, wordBytes] of [
      [32, 4],
      [48, 8],
    ] as const) {
      it(`has its symbols where there is no Linux, of ${linearBits} bits`, async () => {
        const { guest, log, first } = guestShowing([NONE], linearBits);
        const question = { cpu: 2, live: false, symbolsFile: symbolsFile() };
        const { linux } = await lookAtLinux(first, guest, question, asking());
        const { symbols, ...rest } = linux.names;
        expect(rest).to.deep.equal({
          ...{ layout: null, btf: null, banner: null, buildId: null, textFirst: 0n, wordBytes },
          missing: ['Linux: there is none'],
        });
        expect(symbols?.addressOf('do_exit')).to.equal(0xffff_ffff_8100_0010n);
        expect((await linux.findSymbol('do_exit')).address).to.equal(0xffff_ffff_8100_0010n);
        expect((await linux.findSymbol({ name: 'f', module: 'small' })).address).to.equal(0xffff_ffff_c000_0000n);
        expect(log).to.deep.equal([
          ...['asked 0 of vCPU 2', 'resumed', 'paused 1', 'asked 1 of vCPU 2', 'space of vCPU 2'],
        ]);
      });
    }

    it('has its symbols where the kernel is, and is read once', async () => {
      const { guest, log, first } = guestShowing([imageAt(TEXT), imageAt(TEXT + 0x20_0000n)]);
      const file = symbolsFile();
      const look = async (): Promise<GuestView> => {
        rmSync(file, { force: true });
        return guest.look();
      };
      const question = { ...QUESTION, symbolsFile: file };
      const { linux } = await lookAtLinux(first, { ...guest, look }, question, asking());
      // The kernel itself has none.
      expect(linux.names.symbols?.addressOf('do_exit')).to.equal(TEXT + 0x20_0010n);
      expect((await linux.findSymbol('do_exit')).address).to.equal(TEXT + 0x20_0010n);
      expect(linux.names.buildId?.id).to.equal('ab12');
      expect(log.filter((each) => each.startsWith('asked'))).to.have.length(3);
    });

    it("has the kernel's own symbols for itself", async () => {
      const { guest, first } = guestShowing([{ space, kernel: { names: NAMES } }]);
      const { linux } = await lookAtLinux(first, guest, { ...QUESTION, symbolsFile: symbolsFile() }, asking());
      expect(linux.names).to.equal(NAMES);
      expect((await linux.findSymbol('do_exit')).address).to.equal(TEXT + 0x10n);
    });

    it('is refused where it is none, after the guest was resumed', async () => {
      const { guest, log, first } = guestShowing([NONE]);
      const question = { ...QUESTION, symbolsFile: join(cache, 'none') };
      const refused = await expectRejection(lookAtLinux(first, guest, question, asking()));
      expect(refused.message).to.match(/none: cannot be read: ENOENT/);
      expect(log).to.deep.equal(['asked 0 of vCPU 0', 'resumed']);
    });
  });
});
