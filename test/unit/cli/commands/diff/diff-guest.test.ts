import { expect } from 'chai';
import { diffGuest } from '../../../../../src/cli/commands/diff/diff-guest.ts';
import { parseDiff } from '../../../../../src/cli/commands/diff/parse-diff.ts';
import type { OpenGuest } from '../../../../../src/guest/index.ts';
import { loadTables } from '../../../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../../../src/guest/memory/page-cache.ts';
import { TableSnapshot } from '../../../../../src/guest/table-snapshot.ts';
import { guestEntry, openNpt, twoStageLinear } from '../../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedSpace, nestedVcpuStateWith } from '../../../../support/builders/nested-space.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

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
