import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { diffGuest } from '../../../../../src/cli/commands/diff/diff-guest.ts';
import { parseDiff } from '../../../../../src/cli/commands/diff/parse-diff.ts';
import type { GuestOptions } from '../../../../../src/cli/options/guest-options.ts';
import type { OpenOptions } from '../../../../../src/cli/options/sources/named-guest.ts';
import { GuestView, givenSource, type OpenGuest } from '../../../../../src/guest/index.ts';
import { loadTables } from '../../../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../../../src/guest/memory/page-cache.ts';
import { TableSnapshot } from '../../../../../src/guest/table-snapshot.ts';
import { guestEntry, openNpt, twoStageLinear } from '../../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedSpace, nestedVcpuStateWith } from '../../../../support/builders/nested-space.ts';
import { smallGuest } from '../../../../support/builders/small-guest.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { guestOver } from '../../../../support/fakes/guest-over.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';
import { momentsOfPage } from '../../../../support/moments-of-page.ts';

const PAGE = twoStageLinear & ~0xfffn;

/** The tables of `hand-made-stages` at one moment, with so many PTEs behind the one that is there. */
async function moment(further: number, registers = HAND_MADE_HOST): Promise<TableSnapshot> {
  const entries = Array.from({ length: further }, (_, at) => [
    `0x${(Number(guestEntry.pte) + 8 * (at + 1)).toString(16)}`,
    0x5067n,
  ]);
  const state = nestedVcpuStateWith({}, registers);
  const { space, memory } = nestedSpace(state, { ...openNpt, ...Object.fromEntries(entries) });
  const { context, map } = space;
  const nested = space.nested?.context ?? null;
  const cache = new PageCache(memory, map, 64);
  const isWhole = await loadTables(context, nested, cache, {}, () => {});
  return new TableSnapshot({ state, context, nested, map, cache, isWhole, assumed: [] });
}

/** What `diff --after` says of a guest whose tables are these at the two moments. */
async function diff(
  moments: readonly TableSnapshot[],
  ...words: string[]
): Promise<{ status: number; lines: string[] }> {
  const { status, lines } = await diffWith({ assumed: [] }, moments, ...words);
  return { status, lines };
}

/** The same of a guest of which so much had to be assumed, with complaints. */
async function diffWith(
  {
    assumed,
    onLook = () => {},
    after = '0',
  }: Pick<OpenGuest, 'assumed'> & { readonly onLook?: () => void; readonly after?: string },
  moments: readonly TableSnapshot[],
  ...words: string[]
): Promise<{ status: number; lines: string[]; complaints: string[] }> {
  const waiting = [...moments];
  const guest = {
    assumed,
    requireCpu: () => {},
    detach: async () => {},
    look: async () => {
      onLook();
      return { snapshot: async () => waiting.shift() };
    },
  } as unknown as OpenGuest;
  const line = parseDiff(['--after', after, ...words, '--qmp', 'unix:/run/vm.qmp'], {});
  if (line.kind !== 'guest') throw new Error('the command line is about a guest');
  const source = { whyNotLive: null, open: async () => guest };
  const printed: string[] = [];
  const complaints: string[] = [];
  const status = await diffGuest(
    { ...line, guest: { ...line.guest, source } },
    quietContext({ print: (text) => void printed.push(text), complain: (line) => void complaints.push(line) }),
  );
  return { status, lines: printed.join('').split('\n').slice(0, -1), complaints };
}

const hex = (value: bigint) => `0x${value.toString(16).padStart(16, '0')}`;
const range = (from: bigint, pages: bigint) =>
  `${hex(PAGE + from * 0x1000n)}-${hex(PAGE + (from + pages) * 0x1000n - 1n)}`;

describe('cli/diffGuest', () => {
  it('lets the guest run for as long as it was told between two looks', async () => {
    const looks: number[] = [];
    const onLook = (): void => void looks.push(performance.now());
    await diffWith({ assumed: [], onLook, after: '120' }, [await moment(0), await moment(0)]);
    const [first = 0, second = 0] = looks;
    // A timer may fire a millisecond early.
    expect(second - first).to.be.at.least(119);
  });

  it('finds nothing between a guest and itself', async () => {
    expect(await diff([await moment(2), await moment(2)])).to.deep.equal({ status: 0, lines: [] });
  });

  it('shows all that changed, without a range', async () => {
    const { status, lines } = await diff([await moment(0), await moment(4)]);
    expect(status).to.equal(1);
    const addresses = lines.map((line) => line.split(' ').slice(0, 2));
    expect(addresses).to.deep.equal([1n, 2n, 3n, 4n].map((at) => ['+', range(at, 1n)]));
  });

  it('says what had to be assumed of the guest itself', async () => {
    const assumed = [
      { name: 'runState', value: 'running', cause: { code: 'stub-tells-no-run-state' }, decides: false },
    ] as const;
    const { status, complaints } = await diffWith({ assumed }, [await moment(0), await moment(0)]);
    expect(status).to.equal(0);
    expect(
      complaints.filter((line) => line.startsWith('pagewalk: assumed: the GDB stub of this QEMU does not tell')),
    ).to.have.length(1);
  });

  it('says that a root table is unreadable, and does not take two such maps for the same', async () => {
    const lost = () => moment(0, { ...HAND_MADE_HOST, nestedCr3: 0x10_0000n });
    for (const moments of [
      [await lost(), await lost()],
      [await moment(0), await lost()],
    ]) {
      const { status, complaints } = await diffWith({ assumed: [] }, moments);
      expect(status).to.equal(1);
      expect(complaints.filter((line) => line.includes('nothing is known of this address space'))).to.have.length(1);
    }
  });

  for (const [name, from, pages] of [
    ['the middle', 2n, 2n],
    ['the beginning', 0n, 2n],
    ['the end', 4n, 5n],
  ] as const) {
    it(`cuts a changed part to --range: ${name}`, async () => {
      const words = ['--range', range(from, pages)];
      const { lines } = await diff([await moment(0), await moment(4)], ...words);
      const inside = [1n, 2n, 3n, 4n].filter((at) => at >= from && at < from + pages);
      expect(lines.map((line) => line.split(' ')[1])).to.deep.equal(inside.map((at) => range(at, 1n)));
    });
  }

  it('shows nothing of what changed outside of --range', async () => {
    const { status, lines } = await diff([await moment(0), await moment(4)], '--range', range(16n, 4n));
    expect({ status, lines }).to.deep.equal({ status: 0, lines: [] });
  });
});

describe('cli/diffGuest, drawn', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Draws guests in place of those that the words name. */
  async function draw(words: readonly string[], ...guests: readonly OpenGuest[]) {
    const file = join(folder, 'page.html');
    const line = parseDiff([...words, '--html', file], { PAGEWALK_QMP: '/run/vm.qmp' });
    const opened: OpenOptions[] = [];
    const waiting = [...guests];
    const source = {
      whyNotLive: null,
      open: async (how: OpenOptions) => {
        opened.push(how);
        return waiting.shift() as OpenGuest;
      },
    };
    if (line.kind === 'saved') throw new TypeError('guests are compared');
    const printed: string[] = [];
    const complaints: string[] = [];
    const context = quietContext({
      print: (text) => void printed.push(text),
      complain: (text) => void complaints.push(text),
    });
    const own = (options: GuestOptions): GuestOptions => ({ ...options, source });
    const status = await diffGuest(
      line.kind === 'two'
        ? { ...line, before: own(line.before), after: own(line.after) }
        : { ...line, guest: own(line.guest) },
      context,
    );
    const page = momentsOfPage(readFileSync(file, 'utf8'));
    return { status, printed: printed.join(''), complaints, opened, page, file };
  }

  const pauses = ({ page }: Awaited<ReturnType<typeof draw>>) => page.moments.map(({ heading: { pause } }) => pause);

  it('says of both moments of a guest for how long each paused it', async () => {
    const guest = guestOver(smallGuest, {});
    const drawn = await draw(['--after', '0'], guest);
    expect(drawn.status).to.equal(0);
    expect(drawn.printed).to.match(/^.*page\.html: \d\.\d MB, to look at in a browser\n$/);
    expect(drawn.complaints).to.deep.equal([]);
    expect(pauses(drawn)).to.deep.equal([
      { kind: 'paused', atMostMs: 10 },
      { kind: 'paused', atMostMs: 10 },
    ]);
    const [first, second] = drawn.page.moments.map(({ heading }) => heading);
    expect(first?.takenAtMs)
      .to.be.a('number')
      .and.at.most(second?.takenAtMs ?? 0);
    expect(first).to.deep.include({ from: 'nowhere', first: 0n, last: 0xffff_ffff_ffff_ffffn, notes: [], names: [] });
    expect(first?.space).to.deep.equal({ cr3: 0x1000n, given: false, changes: [] });
    expect(drawn.page.moments.every(({ tables }) => tables.length > 0)).to.equal(true);
    expect(drawn.page.symbols).to.equal(null);
    expect(guest.log).to.deep.equal(['look', 'resume', 'look', 'leave']);
    expect(drawn.opened.map(({ live, hostMemory }) => ({ live, hostMemory }))).to.deep.equal([
      { live: false, hostMemory: true },
    ]);
  });

  it('asks a guest live, does not pause it, and does not resume it', async () => {
    const guest = guestOver(smallGuest, {});
    const drawn = await draw(['--after', '0', '--live', '--range', '0x1000-0x2fff'], guest);
    expect(pauses(drawn)).to.deep.equal([{ kind: 'live' }, { kind: 'live' }]);
    expect(guest.log).to.deep.equal(['live', 'live', 'leave']);
    expect(drawn.page.moments[0]?.heading).to.include({ first: 0x1000n, last: 0x2fffn });
  });

  it('says that a guest is paused, which then does not change', async () => {
    const drawn = await draw(['--after', '0'], guestOver(smallGuest, { ranBefore: false }));
    expect(pauses(drawn)).to.deep.equal([{ kind: 'paused-before' }, { kind: 'paused-before' }]);
    expect(drawn.complaints).to.deep.equal(['pagewalk: the guest is paused: it did not run between the two moments']);
  });

  it('draws a dump beside a guest that runs, each with its own time, and has status 1 where they differ', async () => {
    const changed = (): GuestView => givenView((tables) => tables.setBigUint64(0x4008, 0xa000n, true));
    const [dump, guest] = [guestOver(smallGuest, null, { endpoint: 'a.elf' }), guestOver(changed, {})];
    const drawn = await draw(['--dump', 'a.elf', '--qmp', 'unix:/run/vm.qmp', '--set', 'CR0.WP=0'], dump, guest);
    expect(drawn.status).to.equal(1);
    expect(drawn.complaints).to.deep.equal([]);
    expect(pauses(drawn)).to.deep.equal([null, { kind: 'paused', atMostMs: 10 }]);
    const headings = drawn.page.moments.map(({ heading }) => heading);
    expect(headings.map(({ from, space }) => [from, space?.changes])).to.deep.equal([
      ['a.elf', ['CR0.WP=0']],
      ['nowhere', ['CR0.WP=0']],
    ]);
    expect([headings[0]?.takenAtMs, typeof headings[1]?.takenAtMs]).to.deep.equal([null, 'number']);
    expect([dump.log, guest.log]).to.deep.equal([
      ['look', 'leave'],
      ['look', 'leave'],
    ]);
  });

  it('writes nothing where it cannot, before anything is opened', async () => {
    const guest = guestOver(smallGuest, {});
    const line = parseDiff(['--after', '0', '--html', '/nowhere/a.html', '--qmp', 'unix:/run/vm.qmp'], {});
    if (line.kind !== 'guest') throw new TypeError('a guest is compared');
    const source = { whyNotLive: null, open: async () => guest };
    const failure = await expectRejection(diffGuest({ ...line, guest: { ...line.guest, source } }, quietContext()));
    expect(failure.message).to.contain('/nowhere/a.html');
    expect(guest.log).to.deep.equal([]);
  });
});

/** The tables of `smallGuest` alone, changed. */
function givenView(change: (tables: DataView) => void): GuestView {
  const memory = new Uint8Array(0x1_0000);
  const tables = new DataView(memory.buffer);
  for (const [at, entry] of [
    [0x1000, 0x2027n],
    [0x2000, 0x3027n],
    [0x3000, 0x4027n],
    [0x4008, 0xa021n],
    [0x4010, 0x8000_0000_0000_b063n],
    [0x4018, 0xc003n],
    [0x4020, 0xd005n],
  ] as const)
    tables.setBigUint64(at, entry, true);
  change(tables);
  const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n, a20: true };
  const features = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true } as const;
  return new GuestView(givenSource({ vcpus: [{ registers, features }], memory }));
}
