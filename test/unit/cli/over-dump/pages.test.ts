import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { decodeRanges } from '../../../../src/picture/internal.ts';
import { linuxDump, SMALL_LINUX } from '../../../support/builders/linux-dump.ts';
import { momentsOfPage, type ReadPage } from '../../../support/moments-of-page.ts';
import { ASSUMED_OF_MAP, OverDump } from './over-dump.ts';

const WRITTEN = /: \d\.\d MB, to look at in a browser$/;
const ASSUMED = ASSUMED_OF_MAP.map((each) => `pagewalk: assumed: ${each}`);
const STRICT = ASSUMED_OF_MAP.map((each) => `pagewalk: --strict: ${each}`);

describe('cli, over dumps: pages that are written', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  /** What a command writes into a page, and what it says besides. */
  async function pageOf(
    line: string,
  ): Promise<ReadPage & { readonly status: number; readonly err: readonly string[] }> {
    const file = over.file('page.html', '');
    const { status, out, err } = await over.runBare(`${line} --html ${file}`);
    expect(out, err.join()).to.have.length(1);
    expect(out[0])
      .to.match(WRITTEN)
      .and.satisfy((text: string) => text.startsWith(file));
    return { ...momentsOfPage(readFileSync(file, 'utf8')), status, err };
  }

  async function saved(name: string, words: string): Promise<string> {
    const { out } = await over.run(`map --json ${words}`);
    return over.file(name, out.map((line) => `${line}\n`).join(''));
  }

  it('have the tables of an address space', async () => {
    const { moments, symbols, ...rest } = await pageOf(`map --dump ${over.dump} --range 0-0x7fffffffffff`);
    expect({ ...rest, symbols }).to.deep.equal({ status: 0, err: [], symbols: null });
    const [moment, ...others] = moments;
    expect(others).to.deep.equal([]);
    expect(moment?.heading).to.deep.include({
      ...{ from: over.dump, takenAtMs: null, pause: null, cpu: 0, mode: '4-level', first: 0n, last: 0x7fff_ffff_ffffn },
      ...{ space: { cr3: SMALL_LINUX.roots.init, given: false, changes: [] }, names: [], notes: [] },
      whyNoWalks: null,
    });
    expect(moment?.heading.assumed.map(({ name }) => name)).to.deep.equal(
      'a20 maxPhyAddr vendor pse36 pdpe1gb'.split(' '),
    );
    expect(moment?.tables).to.have.length.of.at.least(1);
  });

  it('have names and symbols where they are asked for', async () => {
    const { moments, symbols, status, err } = await pageOf(`map --dump ${over.dump} --names`);
    expect({ status, err }).to.deep.equal({ status: 0, err: [] });
    expect(moments[0]?.heading.names.map(({ text }) => text)).to.include.members(['/bin/busybox', '[heap]', '[stack]']);
    expect(moments[0]?.heading.space).to.deep.include({ owner: { kind: 'process', pid: 1, comm: 'init', half: null } });
    expect(symbols?.map(({ module }) => module)).to.deep.equal([null]);
    const ofDiff = await pageOf(`diff --dump ${over.dump} --dump ${over.dump} --names`);
    expect(ofDiff.status).to.equal(0);
    expect(ofDiff.symbols).to.have.length(1);
    expect(ofDiff.moments.map(({ heading }) => heading.names.length > 5)).to.deep.equal([true, true]);
  });

  it('say that nothing is known, with status 1, and with --strict what is assumed', async () => {
    const lost = await pageOf(`map --dump ${over.dump} --cr3 0x7000000`);
    const note = 'the root table at 0x7000000 is neither in RAM nor in ROM: nothing is known of this address space';
    expect([lost.status, lost.err, lost.moments[0]?.heading.notes]).to.deep.equal([1, [`pagewalk: ${note}`], [note]]);
    const strict = await pageOf(`map --dump ${over.dump} --strict`);
    expect({ status: strict.status, err: strict.err }).to.deep.equal({ status: 4, err: STRICT });
  });

  it('have two moments that are compared, and status 1 where they differ', async () => {
    const both = await pageOf(`diff --dump ${over.dump} --dump ${over.dump} --range 0-0x7fffffffffff`);
    expect({ status: both.status, err: both.err }).to.deep.equal({ status: 0, err: ASSUMED });
    expect(both.moments.map(({ heading: { first, last } }) => [first, last])).to.deep.equal([
      [0n, 0x7fff_ffff_ffffn],
      [0n, 0x7fff_ffff_ffffn],
    ]);
    const strict = await pageOf(`diff --dump ${over.dump} --dump ${over.dump} --strict`);
    expect({ status: strict.status, err: strict.err }).to.deep.equal({ status: 4, err: [...ASSUMED, ...STRICT] });
  });

  it('have two maps that were saved, without their tables', async () => {
    const one = await saved('one', '--range 0-0x7fffffffffff');
    const other = await saved('other', '--range 0-0x7fffffffffff --cr3 0x18000');
    const page = await pageOf(`diff ${one} ${other}`);
    expect({ status: page.status, err: page.err, symbols: page.symbols }).to.deep.equal({
      ...{ status: 1, err: ASSUMED, symbols: null },
    });
    expect(
      page.moments.map(({ heading: { from, space, whyNoWalks } }) => [from, space?.cr3, whyNoWalks !== null]),
    ).to.deep.equal([
      [one, 0xa000n, true],
      [other, 0x1_8000n, true],
    ]);
    expect(page.moments.map(({ ranges, tables }) => [[...decodeRanges(ranges).first], tables.length])).to.deep.equal([
      [[0x400, 0x600, 0x7_fff0_0000, 0x7_ffff_0000], 0],
      [[0x400, 0x7_0000_0000], 0],
    ]);
    const same = await pageOf(`diff ${one} ${one}`);
    expect({ status: same.status, err: same.err }).to.deep.equal({ status: 0, err: ASSUMED });
    expect((await pageOf(`diff ${one} ${one} --strict`)).status).to.equal(4);
  });

  it('say which map that was saved is incomplete', async () => {
    const whole = await saved('whole', '--range 0-0x7fffffffffff');
    const part = await saved('part', '--range 0-0x7fffffffffff --limit 2');
    const complaint = `pagewalk: ${part} is an incomplete map; missing entries may be false differences`;
    for (const [files, isSame] of [
      [[part, part], true],
      [[whole, part], false],
    ] as const) {
      const { status, err } = await pageOf(`diff ${files.join(' ')}`);
      expect({ status, err }).to.deep.equal({
        status: 1,
        err: [...ASSUMED, ...(isSame ? [complaint, complaint] : [complaint])],
      });
      const printed = await over.runBare(`diff ${files.join(' ')}`);
      expect({ status: printed.status, err: printed.err }).to.deep.equal({ status, err });
    }
  });

  it('are refused for maps of different things, and where they cannot be written', async () => {
    const [ranges, pages] = [await saved('ranges', ''), await saved('pages', '--leaves')];
    const file = over.file('kept.html', 'older');
    const different = await over.runBare(`diff ${ranges} ${pages} --html ${file}`);
    expect({ status: different.status, out: different.out }).to.deep.equal({ status: 2, out: [] });
    expect(different.err[0]).to.contain(`${pages}:1: is a map of pages (--leaves)`);
    expect(readFileSync(file, 'utf8')).to.equal('older');
    const nowhere = await over.runBare(`diff ${ranges} ${ranges} --html /nowhere/page.html`);
    expect({ status: nowhere.status, out: nowhere.out }).to.deep.equal({ status: 2, out: [] });
    expect(nowhere.err[0]).to.contain('/nowhere/page.html');
  });
});
