import { expect } from 'chai';
import { MomentError } from '../../../../src/cli/errors.ts';
import { parseUntil } from '../../../../src/cli/options/moment/until.ts';
import { lookUntil } from '../../../../src/cli/session/look-until.ts';
import {
  type GuestView,
  givenSource,
  type OpenGuest,
  StillGuest,
  GuestView as View,
} from '../../../../src/guest/index.ts';
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
function changingGuest(ranBefore = true): OpenGuest & { readonly log: string[] } {
  const log: string[] = [];
  const look = async (): Promise<GuestView> => {
    log.push('pause');
    const pauses = log.filter((each) => each === 'pause').length;
    const cr3 = BigInt(pauses) * 0x1000n;
    return new View(
      givenSource({
        vcpus: [{ registers: { cr0: 0x8001_0011n, cr3, cr4: 0x20n, efer: 0x500n } }],
        memory: new Uint8Array(4096),
      }),
    );
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
      recoveries: [],
      live: () => {
        throw new Error('not live');
      },
      resume: async () => {
        log.push('resume');
      },
      findResumption: async () => undefined,
    },
  };
}

function asking() {
  const said: string[] = [];
  const { signal } = new AbortController();
  return { said, context: { environment: {}, complain: (line: string) => said.push(line), signal } };
}

describe('cli/lookUntil', () => {
  it('resumes the guest between pauses, and says how many there were', async () => {
    const guest = changingGuest();
    const { said, context } = asking();
    const until = parse('cr3=0x3000');
    if (until === undefined) throw new Error('nothing to wait for');
    const view = await lookUntil(guest, until, 0, context);
    expect((await view.vcpuState(0)).cr3.value).to.equal(0x3000n);
    expect(guest.log).to.deep.equal(['pause', 'resume', 'pause', 'resume', 'pause']);
    expect(said).to.deep.equal(['pagewalk: --until cr3=0x3000: true of vCPU 0 in pause 3']);
  });

  it('leaves a guest running whose moment does not come in time', async () => {
    const guest = changingGuest();
    const until = parse('cr3=0x999000', '1');
    if (until === undefined) throw new Error('nothing to wait for');
    const error = await expectRejection(lookUntil(guest, until, 0, asking().context));
    expect(error).to.be.instanceOf(MomentError).that.includes({ code: 'ERR_CLI_MOMENT', exitStatus: 3 });
    expect(guest.log.at(-1)).to.equal('resume');
  });

  it('does not wait for a guest that does not run', async () => {
    const until = parse('nested');
    if (until === undefined) throw new Error('nothing to wait for');
    const error = await expectRejection(lookUntil(changingGuest(false), until, 0, asking().context));
    expect((error as Error).message).to.contain('the guest does not run');
    const still = new StillGuest(
      givenSource({ vcpus: [{ registers: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n } }], memory: new Uint8Array(4096) }),
      'x',
    );
    expect(await expectRejection(lookUntil(still, until, 0, asking().context))).to.be.instanceOf(MomentError);
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
