import { expect } from 'chai';
import { entriesOf } from '../../../../../src/cli/commands/watch/entry-addresses.ts';
import type { WatchedMoment } from '../../../../../src/cli/commands/watch/watched-place.ts';
import { GuestView, givenSource } from '../../../../../src/guest/index.ts';
import type { MappedLeaf } from '../../../../../src/paging/index.ts';
import { TableBuilder, type TableMode } from '../../../../support/builders/table-builder.ts';

/** All leaves of these tables, and where their entries are. */
async function entriesIn(tables: TableBuilder, mode: TableMode, lost: readonly bigint[] = []) {
  const bytes = new Uint8Array(0x10_0000);
  for (const { address, bytes: page } of tables.memory.pages()) bytes.set(page, Number(address));
  const efer = mode === '4-level' || mode === '5-level' ? 0x500n : 0n;
  const cr4 = (mode === '32-bit' ? 0x10n : 0x20n) | (mode === '5-level' ? 0x1000n : 0n);
  const registers = { cr0: 0x8001_0011n, cr3: tables.root, cr4, efer };
  const view = new GuestView(givenSource({ vcpus: [{ registers, features: { maxPhyAddr: 40 } }], memory: bytes }));
  const snapshot = await view.snapshot();
  const leaves: MappedLeaf[] = [];
  snapshot.leaves((leaf) => leaves.push({ ...leaf }) > 0, {});
  const walks: (readonly bigint[])[] = [];
  const asked = {
    translate: async (requests: readonly { readonly linearAddress: bigint }[], scope: object) => {
      walks.push(requests.map(({ linearAddress }) => linearAddress));
      const answers = await view.translate(requests as Parameters<GuestView['translate']>[0], scope);
      return answers.map((answer) =>
        lost.includes(answer.request.linearAddress)
          ? { ...answer, translation: { ...answer.translation, steps: answer.translation.steps.slice(0, -1) } }
          : answer,
      );
    },
  };
  const moment = { view: asked, scope: {}, snapshot } as unknown as WatchedMoment;
  const entries = await entriesOf(moment, leaves);
  return {
    places: entries.map(({ leaf, address, sizeBytes }) => [leaf.address, BigInt(address), sizeBytes]),
    walks: walks.flat(),
  };
}

describe('cli/entriesOf', () => {
  for (const [mode, large, sizeBytes] of [
    ['4-level', 0x20_0000, 8],
    ['5-level', 0x20_0000, 8],
    ['pae', 0x20_0000, 8],
    ['32-bit', 0x40_0000, 4],
  ] as const) {
    it(`finds the entry of each page, with a walk for each table: ${mode}`, async () => {
      const tables = new TableBuilder(mode);
      const step = mode === '32-bit' ? 0x40_0000n : 0x20_0000n;
      // At the end of a table, at the beginning of the next one, a large page behind it, and a hole.
      const small = [step - 0x2000n, step - 0x1000n, step, step + 0x3000n, 4n * step];
      for (const [at, address] of small.entries()) tables.map(address, 0x8_0000n + BigInt(at) * 0x1000n);
      const wide = [2n * step, 3n * step];
      for (const address of wide) tables.map(address, 0n, { size: large });
      const { places, walks } = await entriesIn(tables, mode);
      const entry = (address: bigint, level: number) => [address, tables.entryAddress(address, level), sizeBytes];
      expect(places).to.deep.equal([
        ...small.slice(0, 4).map((address) => entry(address, 1)),
        ...wide.map((address) => entry(address, 2)),
        entry(4n * step, 1),
      ]);
      expect(walks).to.deep.equal([small[0], small[2], wide[0], small[4]]);
    });
  }

  it('leaves out the pages of a table that a walk does not find any more', async () => {
    const tables = new TableBuilder('4-level');
    for (const address of [0x1000n, 0x2000n, 0x20_0000n]) tables.map(address, 0x8_0000n);
    const { places } = await entriesIn(tables, '4-level', [0x1000n]);
    expect(places).to.deep.equal([[0x20_0000n, tables.entryAddress(0x20_0000n, 1), 8]]);
  });

  it('finds those of the upper half', async () => {
    const tables = new TableBuilder('4-level');
    const upper = 0xffff_8000_0000_0000n;
    for (const address of [upper, upper + 0x1000n]) tables.map(address, 0x8_0000n);
    const { places, walks } = await entriesIn(tables, '4-level');
    expect(places).to.deep.equal([
      [upper, tables.entryAddress(upper, 1), 8],
      [upper + 0x1000n, tables.entryAddress(upper + 0x1000n, 1), 8],
    ]);
    expect(walks).to.deep.equal([upper]);
  });
});
