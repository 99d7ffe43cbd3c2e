import { expect } from 'chai';
import type { LinuxOptions } from '../../../../src/cli/options/linux-options.ts';
import type { OpenOptions } from '../../../../src/cli/options/sources/named-guest.ts';
import { askLinux } from '../../../../src/cli/session/ask-linux.ts';
import type { GuestView, OpenGuest } from '../../../../src/guest/index.ts';
import { type KernelNames, makeColumns, SymbolTable } from '../../../../src/linux/internal.ts';
import type { ReportedAssumption } from '../../../../src/report/index.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';

const TEXT = 0xffff_ffff_9a00_0000n;
const NAMES: KernelNames = {
  ...{ wordBytes: 8, textFirst: TEXT, layout: null, btf: null, banner: 'Linux version 6.1.0', missing: [] },
  symbols: new SymbolTable(makeColumns([{ name: '_stext', type: 'T', address: TEXT }]), { lowest: TEXT }),
  buildId: null,
};
const assumption = (value: string): ReportedAssumption => ({
  ...{ name: 'vendor', value, decides: false, cause: { code: 'as-saved', text: 'it was not told' } },
});

describe('cli/askLinux', () => {
  /** A guest with a Linux whose names are at hand, and what was done. */
  function scene(live = false) {
    const log: string[] = [];
    const said: string[] = [];
    const opened: OpenOptions[] = [];
    const view = {
      notes: [assumption('intel')],
      lookForLinux: async (_known: unknown, cpu?: number) => {
        log.push(`looked from ${cpu}`);
        return { space: undefined, kernel: { names: NAMES } };
      },
      [Symbol.dispose]: () => log.push('disposed'),
    } as unknown as GuestView;
    const guest = {
      ...{ endpoint: 'here', vcpus: [0], assumed: [assumption('amd')], requireCpu: () => {} },
      look: async () => view,
      detach: async () => void log.push('left'),
      running: {
        ranBefore: true,
        pausedMs: 0,
        recoveries: [],
        live: () => view,
        findResumption: async () => undefined,
      },
    } as unknown as OpenGuest;
    const source = {
      whyNotLive: null,
      open: async (how: OpenOptions) => {
        opened.push(how);
        return guest;
      },
    };
    const options: LinuxOptions = {
      guest: { source, cpu: 3, traceFile: undefined, strict: false },
      ...{ live, hostMemory: false, json: false },
    };
    const context = quietContext({
      environment: { XDG_CACHE_HOME: '/nonexistent' },
      complain: (line) => {
        log.push('said');
        said.push(line);
      },
    });
    return { log, said, opened, view, options, context };
  }

  it('answers, and says what that rests on when the guest is left', async () => {
    const { log, said, opened, view, options, context } = scene();
    const answer = await askLinux(options, context, async (looked) => {
      await new Promise(setImmediate);
      log.push('asked');
      return [looked.view === view, looked.linux.banner];
    });
    expect(answer).to.deep.equal([true, NAMES.banner]);
    expect(log).to.deep.equal(['looked from 3', 'asked', 'left', 'said', 'said']);
    expect(said).to.deep.equal([
      'pagewalk: assumed: vendor=intel (it was not told); the outcome does not depend on it',
      'pagewalk: assumed: vendor=amd (it was not told); the outcome does not depend on it',
    ]);
    const [{ hostMemory, live, rehearsal } = {}] = opened;
    expect({ hostMemory, live, rehearses: typeof rehearsal }).to.deep.equal({
      ...{ hostMemory: false, live: false, rehearses: 'function' },
    });
  });

  it('rehearses the question by looking for a Linux', async () => {
    const { log, opened, view, options, context } = scene();
    await askLinux(options, context, async () => {});
    log.splice(0);
    await opened[0]?.rehearsal?.(view);
    expect(log).to.deep.equal(['looked from undefined']);
  });

  it('asks live without a rehearsal', async () => {
    const { log, opened, options, context } = scene(true);
    await askLinux(options, context, async () => void log.push('asked'));
    expect(log.slice(0, 4)).to.deep.equal(['looked from 3', 'asked', 'disposed', 'left']);
    expect(opened[0]?.rehearsal).to.equal(undefined);
    expect(opened[0]?.live).to.equal(true);
  });
});
