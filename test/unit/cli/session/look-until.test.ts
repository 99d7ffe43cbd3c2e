import { expect } from 'chai';
import { MomentError } from '../../../../src/cli/errors.ts';
import { parseUntil } from '../../../../src/cli/options/moment/until.ts';
import { waitingGuest } from '../../../../src/cli/session/look-until.ts';
import type { UnavailableCause } from '../../../../src/guest/index.ts';
import {
  type GuestSource,
  type GuestView,
  givenSource,
  type OpenGuest,
  StillGuest,
  GuestView as View,
} from '../../../../src/guest/index.ts';
import { assumed } from '../../../../src/guest/vcpu/sourced.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

const parse = (text: string, within = '60000') =>
  parseUntil(
    {
      values: new Map([
        ['until', text],
        ['within', within],
      ]),
      lists: new Map(),
      flags: new Set(),
      positionals: [],
    },
    'state',
  );

/** A guest whose CR3 is another in each pause: 0x1000, 0x2000, …. */
function changingGuest(
  ranBefore = true,
  sourceOf = (pauses: number): GuestSource => sourceWith({ cr3: BigInt(pauses) * 0x1000n }),
): OpenGuest & { readonly log: string[] } {
  const log: string[] = [];
  const look = async (): Promise<GuestView> => {
    log.push('pause');
    return new View(sourceOf(log.filter((each) => each === 'pause').length));
  };
  return {
    log,
    endpoint: 'nowhere',
    vcpus: [0],
    assumed: [],
    look,
    requireCpu() {},
    detach: () => Promise.resolve(),
    running: {
      ranBefore,
      pausedMs: 0,
      recoveries: [],
      live: () => {
        throw new Error('not live');
      },
      resume: async () => {
        log.push('resume');
      },
      flushTranslations: async () => true,
      findResumption: async () => undefined,
    },
  };
}

const LONG_MODE = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0x500n };

function sourceWith(registers: Partial<typeof LONG_MODE>): GuestSource {
  return givenSource({ vcpus: [{ registers: { ...LONG_MODE, ...registers } }], memory: new Uint8Array(4096) });
}

/** A vCPU of which it is unavailable whether it runs a nested guest. */
function hidingNested(cause: UnavailableCause): GuestSource {
  const source = sourceWith({});
  return {
    ...source,
    readVcpu: async (cpu) => {
      const vcpu = await source.readVcpu(cpu);
      return { ...vcpu, state: { ...vcpu.state, nested: assumed(null, cause) } };
    },
  };
}

const waitFor = (guest: OpenGuest, text: string, context = asking().context, within?: string) => {
  const until = parse(text, within);
  if (until === undefined) throw new Error('nothing to wait for');
  return waitingGuest(guest, until, 0, context);
};

function asking() {
  const said: string[] = [];
  const { signal } = new AbortController();
  return { said, context: { environment: {}, complain: (line: string) => said.push(line), signal } };
}

describe('cli/waitingGuest', () => {
  it('resumes the guest between pauses, and says how many there were', async () => {
    const guest = changingGuest();
    const { said, context } = asking();
    const waiting = waitFor(guest, 'cr3=0x3000', context);
    const view = await waiting.look();
    expect((await view.vcpuState(0)).cr3.value).to.equal(0x3000n);
    expect(guest.log).to.deep.equal(['pause', 'resume', 'pause', 'resume', 'pause']);
    expect(said).to.deep.equal(['pagewalk: --until cr3=0x3000: true of vCPU 0 in pause 3']);
  });

  it('says so once, of a question that looks twice', async () => {
    const { said, context } = asking();
    const waiting = waitFor(changingGuest(), 'kernel', context);
    for (const _ of [1, 2]) await waiting.look();
    expect(said).to.deep.equal(['pagewalk: --until kernel: true of vCPU 0 in pause 1']);
  });

  it('takes of CR3 what the mode makes an address: with PAE tables lie 32 bytes apart', async () => {
    const guest = changingGuest(true, (pauses) => sourceWith({ cr3: 0x1000n + 0x20n * BigInt(pauses), efer: 0n }));
    await waitFor(guest, 'cr3=0x1060').look();
    expect(guest.log.filter((each) => each === 'pause')).to.have.length(3);
    // With 4 levels these bits are a process-context identifier, and others.
    const long = changingGuest(true, (pauses) => sourceWith({ cr3: BigInt(pauses) * 0x1000n + 0x7ffn }));
    await waitFor(long, 'cr3=0x2000').look();
    expect(long.log.filter((each) => each === 'pause')).to.have.length(2);
  });

  it('knows that a nested guest runs where KVM hides its tables, and says why where it cannot know', async () => {
    const hidden = changingGuest(true, () => hidingNested({ code: 'kvm-hides-nested-tables' }));
    await waitFor(hidden, 'nested').look();
    const untold = changingGuest(true, () => hidingNested({ code: 'no-qmp' }));
    const error = await expectRejection(waitFor(untold, 'nested').look());
    expect(error).to.be.instanceOf(MomentError).that.includes({ pauses: 1 });
    expect(String(error)).to.match(/--until nested: it cannot be told of vCPU 0: .*QMP/);
  });

  it('leaves a guest running whose moment does not come in time', async () => {
    const guest = changingGuest();
    const error = await expectRejection(waitFor(guest, 'cr3=0x999000', asking().context, '1').look());
    expect(error).to.be.instanceOf(MomentError).that.includes({ code: 'ERR_CLI_MOMENT', exitStatus: 3 });
    expect(guest.log.at(-1)).to.equal('resume');
  });

  it('does not wait for a guest that does not run', async () => {
    const error = await expectRejection(waitFor(changingGuest(false), 'cr3=0x999000').look());
    expect((error as Error).message).to.contain('the guest does not run');
    const still = new StillGuest(
      givenSource({ vcpus: [{ registers: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n } }], memory: new Uint8Array(4096) }),
      'x',
    );
    expect(await expectRejection(waitFor(still, 'user').look())).to.be.instanceOf(MomentError);
  });
});

describe('cli/parseUntil', () => {
  it('understands each moment', () => {
    expect(
      ['user', 'kernel', 'nested', 'cr3=0x1000', 'process=91', 'process=bash'].map((text) => parse(text)?.condition),
    ).to.deep.equal([
      { kind: 'user' },
      { kind: 'kernel' },
      { kind: 'nested' },
      { kind: 'cr3', cr3: 0x1000n },
      { kind: 'process', process: 91 },
      { kind: 'process', process: 'bash' },
    ]);
  });

  it('refuses what is none, and what cannot be', () => {
    expect(() => parse('soon')).to.throw(
      '--until "soon" is none of user, kernel, nested, cr3=VALUE, process=PID and process=NAME',
    );
    const live = { values: new Map([['until', 'user']]), lists: new Map(), flags: new Set(['live']), positionals: [] };
    expect(() => parseUntil(live, 'map')).to.throw('--until pauses the guest, and --live does not');
    const alone = { values: new Map([['within', '5']]), lists: new Map(), flags: new Set<string>(), positionals: [] };
    expect(() => parseUntil(alone, 'map')).to.throw('--within needs --until');
  });
});
