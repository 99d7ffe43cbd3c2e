import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { ClearedBits } from '../../../../../src/cli/commands/watch/cleared-bits.ts';
import { parseWatch } from '../../../../../src/cli/commands/watch/parse-watch.ts';
import { watchGuest } from '../../../../../src/cli/commands/watch/watch-guest.ts';
import {
  type Assumption,
  GuestRunStateError,
  GuestView,
  givenSource,
  type OpenGuest,
} from '../../../../../src/guest/index.ts';
import { TableBuilder } from '../../../../support/builders/table-builder.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

const ACCESSED = 0x20;
const FIRST = 0x4040_0000n;
const RANGE = '0x40400000+0x3000';
const RESUMED = new GuestRunStateError('ERR_GUEST_RESUMED', 'another client resumed the guest');
const RUN_STATE: Assumption = {
  name: 'runState',
  value: 'running',
  cause: { code: 'smep-not-stated' },
  decides: false,
};

interface Happens {
  /** What the guest does while it runs, for the time that is counted from 1. */
  runs?(time: number): void;
  /** What each flush of its TLBs comes to. */
  readonly flushes?: readonly boolean[];
  readonly assumed?: readonly Assumption[];
  /** How long it takes to read its vCPU. */
  readonly readMs?: number;
  /** What comes of the write that is counted from 1: it fails, or takes its time. */
  writes?(time: number): Promise<void> | undefined;
  /** Whether paging is off when its vCPU is read for the time that is counted from 1. */
  isUnpaged?(time: number): boolean;
  /** In these pauses, counted from 1, another client resumes it. */
  readonly resumedIn?: readonly number[];
  /** It was paused before. */
  readonly isPaused?: boolean;
}

/** A guest with two processes of three pages each, all of which were accessed, and of which the first runs. */
class TwoProcesses {
  readonly #one = new TableBuilder('4-level', 0x1000n);
  readonly #other = new TableBuilder('4-level', 0x10_000n, this.#one.memory);
  readonly bytes = new Uint8Array(0x10_0000);
  readonly roots = [this.#one.root, this.#other.root] as const;
  readonly log: string[] = [];
  /** When its vCPU was read, and when it was resumed. */
  readonly readAt: number[] = [];
  readonly resumedAt: number[] = [];
  readonly #happens: Happens;
  cr3 = this.roots[0];
  #writes = 0;

  constructor(happens: Happens = {}) {
    this.#happens = happens;
    for (const tables of [this.#one, this.#other]) {
      for (const page of [0n, 1n, 2n])
        tables.map(FIRST + page * 4096n, 0x8_0000n, { levels: { 1: { accessed: true } } });
    }
    for (const page of this.#one.memory.pages()) this.bytes.set(page.bytes, Number(page.address));
  }

  get view(): GuestView {
    const isUnpaged = this.#happens.isUnpaged?.(this.readAt.length + 1) === true;
    const registers = { cr0: isUnpaged ? 0x11n : 0x8001_0011n, cr3: this.cr3, cr4: 0x20n, efer: 0x500n, a20: true };
    const features = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true } as const;
    const source = givenSource({ vcpus: [{ registers, features }], memory: this.bytes });
    const { writable } = source;
    if (writable === undefined) throw new RangeError('memory of bytes can be written');
    const write: typeof writable.write = async (address, written) => {
      this.#writes += 1;
      const delay = this.#happens.writes?.(this.#writes);
      // At once, as what is read after it sees it.
      await writable.write(address, written);
      await delay;
    };
    const readVcpu: typeof source.readVcpu = async (cpu) => {
      this.readAt.push(performance.now());
      await sleep(this.#happens.readMs ?? 0);
      return source.readVcpu(cpu);
    };
    return new GuestView({ ...source, readVcpu, writable: { ...writable, write }, allowsWrites: true });
  }

  get open(): OpenGuest {
    const count = (what: string): number => this.log.filter((each) => each === what).length;
    const { flushes = [true], assumed = [], resumedIn = [], runs, isPaused = false } = this.#happens;
    return {
      ...{ endpoint: 'nowhere', vcpus: [0], assumed, requireCpu() {}, detach: async () => {} },
      look: async () => {
        this.log.push('pause');
        return this.view;
      },
      running: {
        ...{ ranBefore: !isPaused, pausedMs: 0, recoveries: [], live: () => this.view },
        resume: async () => {
          this.log.push('resume');
          this.resumedAt.push(performance.now());
          runs?.(count('resume'));
        },
        flushTranslations: async () => {
          this.log.push('flush');
          return flushes[count('flush') - 1] ?? flushes.at(-1) === true;
        },
        findResumption: async () => (resumedIn.includes(count('pause')) ? RESUMED : undefined),
      },
    };
  }

  /** Accessed bits of the pages of a process. */
  accessed(process: 0 | 1): string {
    return [0n, 1n, 2n].map((page) => ((this.bytes[this.entry(process, page)] ?? 0) & ACCESSED ? 'A' : '.')).join('');
  }

  touch(process: 0 | 1, page: bigint): void {
    const at = this.entry(process, page);
    this.bytes[at] = (this.bytes[at] ?? 0) | ACCESSED;
  }

  entry(process: 0 | 1, page: bigint): number {
    const tables = process === 0 ? this.#one : this.#other;
    return Number(tables.entryAddress(FIRST + page * 4096n, 1));
  }

  poke(address: bigint, entry: bigint): void {
    new DataView(this.bytes.buffer).setBigUint64(Number(address), entry, true);
  }

  peek(address: bigint): bigint {
    return new DataView(this.bytes.buffer).getBigUint64(Number(address), true);
  }

  entryAbove(process: 0 | 1, level: number): bigint {
    return (process === 0 ? this.#one : this.#other).entryAddress(FIRST, level);
  }
}

async function watch(
  guest: TwoProcesses,
  words: string,
  form: readonly string[] = ['--json'],
  mostPages?: number,
  printing?: () => Promise<void>,
) {
  const line = parseWatch(
    [
      '--qmp',
      'unix:/nowhere',
      ...form,
      '--clear',
      ...(words.includes('--for') ? [] : ['--for', '1']),
      ...words.split(' '),
    ],
    {},
  );
  const source = { ...line.guest.source, open: async () => guest.open };
  const said: string[] = [];
  const complaints: string[] = [];
  const { signal } = new AbortController();
  const status = watchGuest(
    { ...line, guest: { ...line.guest, source } },
    {
      ...{ environment: {}, isTerminal: false, signal },
      print: async (text) => {
        said.push(text);
        await printing?.();
      },
      complain: (text) => void complaints.push(text),
    },
    mostPages,
  );
  const outcome = await status.catch((error: unknown) => error);
  const text = said.join('');
  const json = form.length === 0 ? [] : text.split('\n').filter((each) => each !== '');
  return { outcome, complaints, text, lines: json.map((each): Record<string, unknown> => JSON.parse(each)) };
}

describe('cli/watchGuest', () => {
  it('watches the address space that it began with, whatever the vCPU runs later, and puts back that one', async () => {
    const guest = new TwoProcesses({
      runs: (time) => {
        if (time > 2) return;
        guest.touch(0, 1n);
        guest.cr3 = guest.roots[time === 1 ? 1 : 0];
      },
    });
    guest.bytes[guest.entry(0, 2n)] = (guest.bytes[guest.entry(0, 2n)] ?? 0) & ~ACCESSED;
    const { outcome, complaints, lines } = await watch(guest, `--range ${RANGE} --rounds 3`);
    expect({ outcome, complaints }).to.deep.equal({ outcome: 0, complaints: [] });
    const rounds = lines.filter(({ kind }) => kind === 'round');
    expect(rounds.map(({ cr3 }) => cr3)).to.deep.equal(['0x1000', '0x1000', '0x1000']);
    expect(lines.filter(({ kind }) => kind !== 'round').map(({ strip }) => strip)).to.deep.equal(['.A.', '.A.', '...']);
    expect([guest.accessed(0), guest.accessed(1)]).to.deep.equal(['AA.', 'AAA']);
  });

  it("calls the address space the vCPU's own, which was not given, in every round", async () => {
    const { text } = await watch(new TwoProcesses(), `--range ${RANGE} --rounds 2`, []);
    expect(text.match(/CR3 .*/g)).to.deep.equal(['CR3 0x1000, vCPU 0', 'CR3 0x1000, vCPU 0']);
  });

  it('does not look again where it has cleared bits in a pause that another client ended', async () => {
    const guest = new TwoProcesses({
      resumedIn: [2],
      writes: (time) => {
        if (time === 2) throw new Error('E22');
        return undefined;
      },
      runs: () => guest.touch(0, 1n),
    });
    const { outcome, lines } = await watch(guest, `--range ${RANGE} --rounds 2`);
    expect(outcome).to.equal(RESUMED);
    expect(lines).to.deep.equal([]);
    // The look that began, the one that failed, and the one that put bits back.
    expect(guest.log.filter((what) => what === 'pause')).to.have.length(3);
    expect(guest.accessed(0)).to.equal('AAA');
  });

  it('looks again where another client ended a pause before anything was changed, at what the vCPU runs then', async () => {
    const guest = new TwoProcesses({
      resumedIn: [1],
      runs: (time) => {
        if (time === 1) guest.cr3 = guest.roots[1];
      },
    });
    // The first look has a page too many.
    guest.poke(BigInt(guest.entry(1, 2n)), 0n);
    const { outcome, lines } = await watch(guest, `--range ${RANGE}`, ['--json'], 2);
    expect(outcome).to.equal(0);
    expect(lines[0]).to.deep.include({ kind: 'round', cr3: '0x10000' });
  });

  it('counts as the time of a round what the guest has run, without its pause', async () => {
    const guest = new TwoProcesses({ readMs: 50 });
    const { lines } = await watch(guest, `--range ${RANGE}`);
    const ran = (guest.readAt[1] ?? 0) - (guest.resumedAt[0] ?? 0);
    const [counted] = lines.map(({ ms }) => ms);
    expect(counted).to.be.at.most(Math.ceil(ran));
  });

  it('lets the guest run no longer for what it had run while a round was printed', async () => {
    const guest = new TwoProcesses();
    await watch(guest, `--range ${RANGE} --for 100 --rounds 2`, ['--json'], undefined, async () => {
      await sleep(110);
      setTimeout(() => guest.log.push('later'), 50);
    });
    const order = guest.log.filter((what) => what === 'pause' || what === 'later');
    expect(order.slice(0, 3)).to.deep.equal(['pause', 'pause', 'pause']);
    // No timer is left behind.
    await sleep(60);
  });

  it('refuses an address space of which nothing is known', async () => {
    const guest = new TwoProcesses();
    guest.cr3 = 0x7000_0000n;
    expect((await watch(guest, `--range ${RANGE}`)).outcome)
      .to.have.property('message')
      .that.contains('the root table at 0x70000000 is neither in RAM nor in ROM');
  });

  it('changes nothing where the page of the root table was used anew, and says that bits may be cleared', async () => {
    const data = 0xe_0000;
    const guest = new TwoProcesses({
      runs: (time) => {
        if (time > 1) return;
        // Read as tables, it is three of them for the watched pages.
        guest.bytes.fill(0, Number(guest.roots[0]), Number(guest.roots[0]) + 4096);
        guest.poke(guest.roots[0], BigInt(data) | 7n);
        for (const at of [0, 8, 16]) guest.poke(BigInt(data + at), BigInt(data) | 0x27n);
      },
    });
    const { outcome, complaints, lines } = await watch(guest, '--range 0-0xffffffff --rounds 3');
    expect(outcome).to.equal(1);
    const why = 'the root table at 0x1000 has other entries than before: its process may have ended';
    expect(complaints).to.deep.equal([
      `pagewalk: ${why}`,
      `pagewalk: accessed bits that were cleared may not all have been set again: ${why}`,
    ]);
    expect(lines).to.deep.equal([]);
    expect([0, 8, 16].map((at) => guest.bytes[data + at])).to.deep.equal([0x27, 0x27, 0x27]);
  });

  it('ends with the process, also where its tables become those of another one of the same kernel', async () => {
    const guest = new TwoProcesses({
      runs: (time) => {
        // It touches its tables as long as it is there.
        if (time === 1) guest.poke(guest.roots[0], guest.peek(guest.roots[0]) | 0x20n);
        if (time === 2) guest.poke(guest.roots[0], guest.peek(guest.roots[1]));
      },
    });
    // What the kernel has in both.
    for (const root of guest.roots) for (let at = 256n; at < 260n; at += 1n) guest.poke(root + at * 8n, 0xe_0007n);
    const { outcome, complaints, lines } = await watch(guest, `--range ${RANGE} --rounds 3`);
    expect(outcome).to.equal(1);
    expect(complaints[0]).to.contain('its process may have ended');
    expect(lines.filter(({ kind }) => kind === 'round')).to.have.length(1);
    expect(guest.accessed(1)).to.equal('AAA');
  });

  it('puts bits back however many pages the guest has mapped meanwhile', async () => {
    const guest = new TwoProcesses({
      runs: (time) => {
        if (time > 1) return;
        // Below the watched pages.
        const [directory, table] = [0xe_0000n, 0xe_1000n];
        for (let at = 0n; at < 8n; at += 1n) guest.poke(table + at * 8n, 0x8_1007n);
        guest.poke(directory, table | 7n);
        guest.poke(guest.entryAbove(0, 3) & ~0xfffn, directory | 7n);
      },
    });
    const { outcome, complaints } = await watch(guest, '--range 0-0x405fffff', ['--json'], 8);
    expect(outcome).to.have.property('message').that.contains('more than 8 pages in the range');
    expect(complaints).to.deep.equal([]);
    expect(guest.accessed(0)).to.equal('AAA');
  });

  it('looks again where the vCPU is elsewhere for a moment, and ends where it stays there', async () => {
    const guest = new TwoProcesses({ isUnpaged: (time) => time > 1 && time < 6, runs: () => guest.touch(0, 1n) });
    const { outcome, complaints, lines } = await watch(guest, `--range ${RANGE} --rounds 2`);
    expect({ outcome, complaints }).to.deep.equal({ outcome: 0, complaints: [] });
    expect(lines.filter(({ kind }) => kind === 'round')).to.have.length(2);
    // It ran between the looks.
    expect(guest.log.join(' ')).not.to.contain('pause pause');
    expect(guest.accessed(0)).to.equal('AAA');
    const never = new TwoProcesses({ isUnpaged: () => true });
    expect((await watch(never, `--range ${RANGE}`)).outcome).to.have.property('code', 'ERR_CLI_USAGE');
    expect(never.log.filter((what) => what === 'pause')).to.have.length(1);
  });

  it("puts the bits of a kernel's pages back by another address space where the process has ended", async () => {
    const guest = new TwoProcesses({
      runs: (time) => {
        if (time > 1) return;
        guest.bytes.fill(0, Number(guest.roots[0]), Number(guest.roots[0]) + 4096);
        guest.cr3 = guest.roots[1];
      },
    });
    // The other process has the same kernel, and what is watched belongs to it.
    const kernel = guest.peek(guest.entryAbove(0, 4));
    for (const root of guest.roots) guest.poke(root + 256n * 8n, kernel);
    const range = '0xffff800040400000+0x3000';
    const { outcome, complaints } = await watch(guest, `--range ${range} --rounds 3`);
    expect(outcome).to.equal(1);
    expect(complaints).to.have.length(1);
    expect(complaints[0]).to.contain('its process may have ended');
    expect(guest.accessed(0)).to.equal('AAA');
  });

  it('is strict about every flush, and says so; and what is assumed of the guest is said', async () => {
    const guest = new TwoProcesses({ flushes: [false, true], assumed: [RUN_STATE] });
    const { outcome, complaints, lines } = await watch(guest, `--range ${RANGE} --rounds 2 --strict`);
    expect(outcome).to.equal(4);
    const rounds = lines.filter(({ kind }) => kind === 'round');
    expect(rounds.map(({ exact }) => exact)).to.deep.equal([false, true]);
    expect(complaints.at(-1)).to.equal('pagewalk: --strict: TLBs could not be flushed');
    expect(complaints.filter((text) => text.startsWith('pagewalk: assumed: '))).to.have.length(1);
  });
});

describe('cli/watchGuest, as it is printed', () => {
  /** Without how long a round was. */
  const timeless = (text: string): string[] =>
    text
      .replaceAll(/\b\d+ ms/g, 'N ms')
      .split('\n')
      .slice(0, -1);

  it('has a heading, the sum, and a line for each range with the same rights', async () => {
    const guest = new TwoProcesses({ runs: (time) => (time === 1 ? guest.touch(0, 1n) : undefined) });
    const { outcome, complaints, text } = await watch(guest, `--range ${RANGE}`, []);
    expect({ outcome, complaints }).to.deep.equal({ outcome: 0, complaints: [] });
    expect(timeless(text)).to.deep.equal([
      '4-level paging, CR3 0x1000, vCPU 0',
      'round 1, N ms: 1 of 3 pages touched (4K of 12K), 0 written (0)',
      'linear addresses                         size  rights  touched; . none, a some, A all, w some written, W all written',
      '0x0000000040400000-0x0000000040402fff     12K  rwxu    1 of 3  .A.',
    ]);
  });

  it('counts pages that were dirty before apart, unless their bits are cleared, too', async () => {
    const dirty = (guest: TwoProcesses, page: bigint): void => {
      const at = guest.entry(0, page);
      guest.bytes[at] = (guest.bytes[at] ?? 0) | 0x40;
    };
    const run = async (words: string) => {
      const guest = new TwoProcesses({
        runs: (time) => {
          if (time > 1) return;
          guest.touch(0, 0n);
          guest.touch(0, 1n);
          dirty(guest, 1n);
        },
      });
      dirty(guest, 0n);
      const { lines, outcome } = await watch(guest, `--range ${RANGE}${words}`);
      const bits = [0n, 1n, 2n].map((page) => (guest.bytes[guest.entry(0, page)] ?? 0) & 0x60);
      return { outcome, lines: lines.map(({ ms: _, ...line }) => line), bits };
    };
    const own = { cpu: 0, mode: '4-level', cr3: '0x1000', exact: true };
    const counts = { pages: 3, touched: 2, written: 1, size: 12_288, touchedSize: 8192, writtenSize: 4096 };
    const place = {
      ...{ kind: 'range', round: 1, first: '0x40400000', last: '0x40402fff' },
      rights: { write: true, user: true, exec: true },
    };
    expect(await run('')).to.deep.equal({
      outcome: 0,
      lines: [
        { kind: 'round', round: 1, ...own, ...counts, dirtyBefore: 1 },
        { ...place, ...counts, dirtyBefore: 1, strip: 'AW.' },
      ],
      bits: [0x60, 0x60, 0x20],
    });
    const cleared = await run(' --clear-dirty');
    expect(cleared.lines.map(({ strip, dirtyBefore }) => [strip, dirtyBefore])).to.deep.equal([
      [undefined, 0],
      ['AW.', 0],
    ]);
    expect(cleared.bits).to.deep.equal([0x60, 0x60, 0x20]);
  });

  it('watches nothing of a guest that is paused, and nothing where nothing is mapped', async () => {
    const paused = new TwoProcesses({ isPaused: true });
    expect(await watch(paused, `--range ${RANGE}`)).to.deep.equal({
      ...{ outcome: 1, text: '', lines: [] },
      complaints: ['pagewalk: the guest is paused: it touches nothing until it is resumed'],
    });
    expect([paused.accessed(0), paused.log]).to.deep.equal(['AAA', ['pause']]);
    const nothing = new TwoProcesses();
    expect(await watch(nothing, '--range 0x50000000+0x1000')).to.deep.equal({
      ...{ outcome: 1, text: '', lines: [] },
      complaints: ['pagewalk: nothing is mapped in the range'],
    });
    expect(nothing.log).to.deep.equal(['pause']);
  });

  it('watches as many pages as it may, and no more', async () => {
    const most = await watch(new TwoProcesses(), `--range ${RANGE}`, ['--json'], 3);
    expect([most.outcome, most.complaints]).to.deep.equal([0, []]);
    const guest = new TwoProcesses();
    const { outcome } = await watch(guest, `--range ${RANGE}`, ['--json'], 2);
    expect(outcome).to.include({
      message: 'there are more than 2 pages in the range: watch a smaller one',
      code: 'ERR_CLI_USAGE',
    });
    expect(guest.accessed(0)).to.equal('AAA');
  });

  it('says once that figures are the least where TLBs cannot be flushed', async () => {
    const guest = new TwoProcesses({ flushes: [false] });
    const { outcome, complaints, text } = await watch(guest, `--range ${RANGE} --rounds 2`, []);
    expect(outcome).to.equal(0);
    expect(complaints).to.deep.equal([
      'pagewalk: only the TLBs of emulated processors (TCG) can be flushed from outside: pages whose translation a processor ' +
        'has kept count as untouched, so that figures are the least that was touched',
    ]);
    expect(timeless(text)[1]).to.equal('round 1, N ms: at least 0 of 3 pages touched (0 of 12K), 0 written (0)');
  });

  it('says that bits may stay cleared where they cannot be set again', async () => {
    let writes = 0;
    const guest = new TwoProcesses({
      writes: () => {
        writes += 1;
        if (writes > 1) throw new Error('E22');
        return undefined;
      },
    });
    const { outcome, complaints } = await watch(guest, `--range ${RANGE}`);
    expect(outcome).to.have.property('message').that.contains('cannot be written: E22');
    expect(complaints).to.deep.equal([
      `pagewalk: accessed bits that were cleared could not be set again: ${(outcome as Error).message}`,
    ]);
  });
});

describe('cli/ClearedBits', () => {
  it('writes one piece after the other, and none after one that fails', async () => {
    let goOn = (): void => {};
    const later = new Promise<void>((done) => {
      goOn = done;
    });
    const guest = new TwoProcesses({
      writes: (time) => {
        if (time === 1) throw new Error('E22');
        return time === 2 ? later : undefined;
      },
    });
    const { view } = guest;
    // The other process's table as a second one of the first.
    guest.poke(guest.entryAbove(0, 2) + 8n, (BigInt(guest.entry(1, 0n)) & ~0xfffn) | 7n);
    const snapshot = await view.snapshot({ first: FIRST, last: FIRST + 0x2f_ffffn });
    const leaves: Parameters<ClearedBits['clear']>[0]['leaves'][number][] = [];
    snapshot.leaves((leaf) => void leaves.push(leaf));
    const moment = {
      view,
      scope: {},
      snapshot,
      leaves,
      pausedAt: 0,
      space: { cr3: guest.cr3, given: false },
      end: undefined,
      lack: undefined,
    };
    let isOver = false;
    const clearing = expectRejection(new ClearedBits(false).clear(moment)).finally(() => {
      isOver = true;
    });
    await new Promise((done) => setTimeout(done, 20));
    expect(isOver).to.equal(false);
    goOn();
    expect(await clearing).to.have.property('message', 'E22');
    expect([guest.accessed(0), guest.accessed(1)]).to.deep.equal(['AAA', 'AAA']);
  });
});
