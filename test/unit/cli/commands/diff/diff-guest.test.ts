import { expect } from 'chai';
import { diffGuest } from '../../../../../src/cli/commands/diff/diff-guest.ts';
import { parseDiff } from '../../../../../src/cli/commands/diff/parse-diff.ts';
import type { OpenGuest } from '../../../../../src/guest/index.ts';
import { loadTables } from '../../../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../../../src/guest/memory/page-cache.ts';
import { TableSnapshot } from '../../../../../src/guest/table-snapshot.ts';
import { guestEntry, openNpt, twoStageLinear } from '../../../../support/builders/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../../../support/builders/nested-space.ts';

const PAGE = twoStageLinear & ~0xfffn;

/** The tables of `hand-made-stages` at one moment, with so many PTEs behind the one that is there. */
async function moment(further: number): Promise<TableSnapshot> {
  const entries = Array.from({ length: further }, (_, at) => [
    `0x${(Number(guestEntry.pte) + 8 * (at + 1)).toString(16)}`,
    0x5067n,
  ]);
  const state = nestedVcpuStateWith();
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
  const waiting = [...moments];
  const guest = {
    assumed: [],
    requireCpu: () => {},
    detach: async () => {},
    look: async () => ({ snapshot: async () => waiting.shift() }),
  } as unknown as OpenGuest;
  const line = parseDiff(['--after', '0', ...words, '--qmp', 'unix:/run/vm.qmp'], {});
  if (line.kind !== 'guest') throw new Error('the command line is about a guest');
  const source = { whyNotLive: null, open: async () => guest };
  const printed: string[] = [];
  const status = await diffGuest(
    { ...line, guest: { ...line.guest, source } },
    {
      environment: {},
      isTerminal: false,
      print: (text) => void printed.push(text),
      complain: () => {},
      signal: new AbortController().signal,
    },
  );
  return { status, lines: printed.join('').split('\n').slice(0, -1) };
}

const hex = (value: bigint) => `0x${value.toString(16).padStart(16, '0')}`;
const range = (from: bigint, pages: bigint) =>
  `${hex(PAGE + from * 0x1000n)}-${hex(PAGE + (from + pages) * 0x1000n - 1n)}`;

describe('cli/diffGuest', () => {
  it('finds nothing between a guest and itself', async () => {
    expect(await diff([await moment(2), await moment(2)])).to.deep.equal({ status: 0, lines: [] });
  });

  it('shows all that changed, without a range', async () => {
    const { status, lines } = await diff([await moment(0), await moment(4)]);
    expect(status).to.equal(1);
    const addresses = lines.map((line) => line.split(' ').slice(0, 2));
    expect(addresses).to.deep.equal([1n, 2n, 3n, 4n].map((at) => ['+', range(at, 1n)]));
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
