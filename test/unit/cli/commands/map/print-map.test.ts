import { expect } from 'chai';
import { parseMap } from '../../../../../src/cli/commands/map/parse-map.ts';
import { printMap } from '../../../../../src/cli/commands/map/print-map.ts';
import type { CliContext } from '../../../../../src/cli/index.ts';
import type { TakenSnapshot } from '../../../../../src/cli/session/take-snapshot.ts';
import type { TableSnapshot } from '../../../../../src/guest/index.ts';
import { smallGuest } from '../../../../support/builders/small-guest.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

describe('cli/printMap', () => {
  /** Prints the map of a snapshot that is otherwise than it is. */
  async function print(
    words: string,
    changes: Partial<Record<keyof TableSnapshot, unknown>> = {},
    parts: Partial<CliContext> = {},
  ) {
    const properties = Object.entries(changes).map(([name, value]) => [name, { value }] as const);
    const taking = await smallGuest().snapshot();
    const changed: TableSnapshot = Object.defineProperties(taking, Object.fromEntries(properties));
    const line = parseMap([...words.split(' ').filter(Boolean), '--qmp', 'unix:/x'], {});
    const range = line.range?.kind === 'numbers' ? { first: line.range.first, last: line.range.last } : {};
    const printed: string[] = [];
    const err: string[] = [];
    const taken = { snapshot: changed, assumed: [], areas: null, range } as unknown as TakenSnapshot;
    const status = await printMap(
      taken,
      line,
      quietContext({
        print: (text) => void printed.push(text),
        complain: (text) => void err.push(text),
        ...parts,
      }),
    );
    const out = printed.join('').split('\n').slice(0, -1);
    return { status, err, out, count: out.filter((each) => each.startsWith('0x')).length };
  }

  it('says why a map is incomplete', async () => {
    const endless = { ranges: () => ({ complete: false }), leaves: () => ({ complete: false }) };
    for (const [words, changes, message] of [
      ['', { ...endless, isWhole: false }, 'there are more page tables than are kept: ask for a part with --range'],
      ['', endless, 'stopped after 0 ranges: page tables look corrupt (endless references). Take a part with --range'],
      [
        '--leaves',
        endless,
        'stopped after 0 pages: page tables look corrupt (endless references). Take a part with --range',
      ],
      ['--limit 2', {}, 'stopped after 2 ranges: take --limit N for more, or a part with --range'],
      ['--limit 2 --leaves', {}, 'stopped after 2 pages: take --limit N for more, or a part with --range'],
      [
        '',
        { isRootReadable: false },
        'the root table at 0x1000 is neither in RAM nor in ROM: nothing is known of this address space',
      ],
    ] as const) {
      const { status, err } = await print(words, changes);
      expect({ status, err }, `${words} ${message}`).to.deep.equal({ status: 1, err: [`pagewalk: ${message}`] });
    }
  });

  it('is whole where a limit is more than there is', async () => {
    expect(await print('--limit 5')).to.deep.include({ status: 0, err: [], count: 4 });
    expect(await print('')).to.deep.include({ status: 0, err: [], count: 4 });
  });

  it('asks a filter about sixteen times as many as may be printed', async () => {
    const many = (count: number) => ({
      leaves: (take: (leaf: object) => boolean) => {
        for (let at = 0; at < count; at += 1)
          if (!take({ address: BigInt(at), rights: { write: false, user: false, exec: false } }))
            return { complete: false };
        return { complete: true };
      },
    });
    const stopped = await print('--leaves --filter w --limit 1', many(40));
    expect(stopped.status).to.equal(1);
    expect(stopped.err.join()).to.match(
      /^pagewalk: stopped after \d+ pages, 0 of them wanted: take --limit N for more, or a part with --range$/,
    );
    expect(await print('--leaves --filter w --limit 1', many(15))).to.deep.include({
      status: 0,
      err: ['pagewalk: nothing that is mapped in this address space is w'],
    });
  });

  it('says that nothing is mapped, in a part or at all, or nothing that is wanted', async () => {
    const nothing = async (words: string): Promise<readonly string[]> => {
      const { status, err } = await print(words);
      expect(status, words).to.equal(0);
      return err;
    };
    expect(await nothing('--range 0x10000-0x1ffff')).to.deep.equal([
      'pagewalk: nothing is mapped from 0x10000 to 0x1ffff',
    ]);
    expect(await nothing('--range 0x1000-0x1fff --filter w')).to.deep.equal([
      'pagewalk: nothing that is mapped from 0x1000 to 0x1fff is w',
    ]);
    expect(await nothing('--filter global')).to.deep.equal([
      'pagewalk: nothing that is mapped in this address space is global',
    ]);
    expect(await nothing('--filter w')).to.deep.equal([]);
  });

  it('says in which ROM tables lie', async () => {
    expect((await print('', { tablesInRom: ['pc.rom'] })).err).to.deep.equal([
      'pagewalk: page tables lie in ROM (pc.rom), where no A or D bit can be set',
    ]);
  });

  it('ends where its reader is gone, or where it is interrupted, after what was printed', async () => {
    const gone = await print('', {}, { unread: AbortSignal.abort() });
    expect({ status: gone.status, err: gone.err }).to.deep.equal({ status: 0, err: [] });
    const stop = AbortSignal.abort(new Error('enough'));
    expect((await expectRejection(print('', {}, { signal: stop }))).message).to.equal('enough');
  });
});
