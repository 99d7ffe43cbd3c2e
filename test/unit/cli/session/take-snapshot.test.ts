import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import type { OpenOptions } from '../../../../src/cli/options/sources/named-guest.ts';
import type { WrittenAddress } from '../../../../src/cli/options/written-address.ts';
import { type SnapshotQuestion, takeSnapshot } from '../../../../src/cli/session/take-snapshot.ts';
import type { GuestView, OpenGuest } from '../../../../src/guest/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const OWN = { name: 'own' };
const OF_SNAPSHOT = { name: 'of the snapshot' };

/** A guest whose snapshots say what they were asked for. */
function scene(parts: { readonly running?: undefined } = {}) {
  const asked: Record<string, unknown>[] = [];
  const opened: OpenOptions[] = [];
  const shown: string[] = [];
  const looks: string[] = [];
  const snapshot = { assumed: [OF_SNAPSHOT] };
  const view = {
    snapshot: async ({ onProgress, ...scope }: { onProgress?: (done: number, total: number) => void }) => {
      asked.push({ ...scope, hasProgress: onProgress !== undefined });
      onProgress?.(1, 2);
      return snapshot;
    },
    vcpuState: async (cpu: number) => vcpuStateWith({ cpu }),
    [Symbol.dispose]: () => {},
    lookForLinux: async () => {
      looks.push('looked');
      throw new Error('looked for a Linux');
    },
  } as unknown as GuestView;
  const running = {
    ranBefore: true,
    pausedMs: 5,
    recoveries: [],
    live: () => view,
    findResumption: async () => undefined,
  };
  const guest = {
    ...{ endpoint: 'here', vcpus: [0], assumed: [OWN], look: async () => view, requireCpu: () => {} },
    ...{ detach: async () => {}, running: 'running' in parts ? parts.running : running },
  } as unknown as OpenGuest;
  const source = {
    whyNotLive: null,
    open: async (how: OpenOptions) => {
      opened.push(how);
      return guest;
    },
  };
  const question: SnapshotQuestion = {
    guest: { source, cpu: 2, traceFile: undefined, strict: false },
    scope: {
      ...{ cr3: undefined, process: undefined, overrides: [], profile: undefined, nested: undefined },
      ...{ live: false, hostMemory: true },
    },
    range: null,
    command: 'map',
  };
  // No names of another guest are kept there.
  const environment = { XDG_CACHE_HOME: '/nonexistent' };
  const context = quietContext({ environment, showStatus: (text) => void shown.push(text) });
  return { asked, opened, shown, looks, snapshot, view, question, context };
}

describe('cli/takeSnapshot', () => {
  it('takes all of the address space that the vCPU has, and says where and when', async () => {
    const { asked, opened, shown, snapshot, view, question, context } = scene();
    const before = Date.now();
    const { times, ...taken } = await takeSnapshot(question, context);
    expect(taken).to.deep.equal({
      ...{ snapshot, assumed: [OF_SNAPSHOT, OWN], scope: question.scope, range: {}, physical: null, areas: null },
      ...{ linux: null, endpoint: 'here', view },
    });
    expect(asked).to.deep.equal([{ cpu: 2, forWalks: false, hasProgress: true }]);
    expect(times.pause).to.deep.equal({ kind: 'paused', atMostMs: 5 });
    expect(times.takenAtMs).to.be.within(before, Date.now());
    const [{ hostMemory, live } = {}] = opened;
    expect({ hostMemory, live, shown }).to.deep.equal({ hostMemory: true, live: false, shown: [] });
  });

  it('takes what it is asked for: a part, a scope, for walks, by physical addresses', async () => {
    const { asked, question, context } = scene();
    const scope = { ...question.scope, cr3: 0x5000n, overrides: ['CR4.SMEP=1'], hostMemory: false };
    const physical = { first: 1n, last: 2n };
    const range = { kind: 'numbers', first: 0x1000n, last: 0x1fffn } as const;
    const taken = await takeSnapshot({ ...question, scope, range, physical, forWalks: true }, context);
    expect(taken.physical).to.equal(physical);
    expect(taken.range).to.deep.equal({ first: 0x1000n, last: 0x1fffn });
    expect(taken.scope).to.equal(scope);
    const [{ overrides, ...rest } = {}] = asked;
    expect(overrides).to.have.length(1);
    expect(rest).to.deep.equal({
      ...{ cpu: 2, cr3: 0x5000n, first: 0x1000n, last: 0x1fffn, forWalks: true, hasProgress: true },
    });
  });

  it('rehearses the same part, without a name in it, and shows nothing of that', async () => {
    for (const [range, forWalks, wanted] of [
      [null, false, {}],
      [{ kind: 'numbers', first: 1n, last: 2n }, true, { first: 1n, last: 2n }],
      [
        {
          kind: 'size',
          text: 'rip+1',
          first: { kind: 'register', text: 'rip', register: 'rip', offset: 0n },
          sizeBytes: 1n,
        },
        true,
        {},
      ],
    ] as const) {
      const { asked, opened, question, view, context } = scene();
      await takeSnapshot({ ...question, range, forWalks }, context).catch(() => {});
      asked.splice(0);
      await opened[0]?.rehearsal?.(view);
      expect(asked).to.deep.equal([{ ...wanted, forWalks, hasProgress: false }]);
    }
  });

  it('rehearses looking for a Linux where names are needed, and alone there', async () => {
    for (const [names, looked] of [
      [true, ['looked']],
      [false, []],
    ] as const) {
      const { asked, opened, looks, question, view, context } = scene();
      await takeSnapshot({ ...question, names }, context).catch(() => {});
      for (const each of [asked, looks]) each.splice(0);
      await opened[0]?.rehearsal?.(view);
      expect({ looks, asked: asked.length }).to.deep.equal({ looks: looked, asked: 1 });
    }
  });

  it('looks for a Linux where names are needed, and where they are shown', async () => {
    const symbol: WrittenAddress = {
      ...{ kind: 'symbol', text: 'a', symbol: { name: 'a', module: undefined, sizeBytes: undefined }, offset: 0n },
    };
    const { question, context } = scene();
    const needs: readonly (readonly [Partial<SnapshotQuestion>, boolean])[] = [
      [{ names: true }, true],
      [{ physical: symbol }, true],
      [{ range: { kind: 'symbol', text: 'a', first: symbol } }, true],
      [{ scope: { ...question.scope, process: 1 } }, true],
      [{ physical: { kind: 'number', value: 1n } }, false],
      [{ names: false }, false],
    ];
    for (const [parts, isNeeded] of needs) {
      const failure = await expectRejection(
        takeSnapshot({ ...question, ...parts }, context).then(() => Promise.reject(new Error('taken'))),
      );
      expect(failure.message.includes('looked for a Linux'), Object.keys(parts).join()).to.equal(isNeeded);
    }
  });

  it('refuses what the guest layer does not know before anything is opened', async () => {
    const { opened, question, context } = scene();
    const scope = { ...question.scope, overrides: ['NOTHING=1'] };
    const refused = await expectRejection(takeSnapshot({ ...question, scope }, context));
    expect(refused).to.be.instanceOf(UsageError).and.include({ command: 'map' });
    expect(opened).to.deep.equal([]);
  });

  it('says of a guest that is asked live, or does not run, what it did to it', async () => {
    const { question, context } = scene();
    const live = await takeSnapshot({ ...question, scope: { ...question.scope, live: true } }, context);
    expect(live.times.pause).to.deep.equal({ kind: 'live' });
    const still = scene({ running: undefined });
    expect((await takeSnapshot(still.question, still.context)).times).to.deep.equal({ takenAtMs: null, pause: null });
  });
});
