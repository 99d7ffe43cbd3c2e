import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { decodeMoment, decodeRanges, type MomentFile } from '../../../../src/picture/internal.ts';
import { linuxDump, SMALL_LINUX } from '../../../support/builders/linux-dump.ts';
import { type Ended, OverDump } from './over-dump.ts';

/** What a page of `pagewalk explore` asks its server. */
class Served {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  get(path: string, method = 'GET'): Promise<Response> {
    return fetch(`${this.#url}${path}`, { method, headers: { Connection: 'close' } });
  }

  /** Its status alone; what it says is read, so that nothing is left open. */
  async status(path: string, method = 'GET'): Promise<number> {
    const response = await this.get(path, method);
    await response.arrayBuffer();
    return response.status;
  }

  async json(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }

  async moment(at = 0): Promise<MomentFile> {
    const response = await this.get(`moments/${at}`);
    expect(response.status).to.equal(200);
    return decodeMoment(inflateSync(new Uint8Array(await response.arrayBuffer())));
  }
}

/** Runs `pagewalk explore` while a page asks it, and then interrupts it. */
async function explore(
  over: OverDump,
  line: string,
  use: (served: Served) => Promise<void>,
): Promise<Ended & { readonly url: string }> {
  const stop = new AbortController();
  let url = '';
  const printed: string[] = [];
  let failure: unknown;
  const ended = await over.runIn(
    {
      signal: stop.signal,
      print: async (text) => {
        printed.push(text);
        url = text.trim();
        await use(new Served(url)).catch((error: unknown) => {
          failure = error;
        });
        setImmediate(() => stop.abort(new Error('interrupted')));
      },
    },
    line,
  );
  if (failure !== undefined) throw failure;
  expect(printed).to.have.length(1);
  return { ...ended, url };
}

describe('cli, over a dump: explore', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('serves the moment of a dump, from which walks are made, until it is interrupted', async () => {
    const { status, err, url } = await explore(over, `explore --dump ${over.dump}`, async (served) => {
      expect(await served.json('about')).to.deep.equal({ moments: 1, live: false, symbols: false });
      const { heading, tables, ranges } = await served.moment();
      expect(heading).to.deep.include({
        ...{ from: over.dump, takenAtMs: null, pause: null, cpu: 0, first: 0n, last: 0xffff_ffff_ffff_ffffn },
        ...{ space: { cr3: SMALL_LINUX.roots.init, given: false, changes: [] }, names: [], notes: [] },
        whyNoWalks: null,
      });
      expect(heading.assumed.map(({ name }) => name)).to.deep.equal('a20 maxPhyAddr vendor pse36 pdpe1gb'.split(' '));
      expect([tables.length > 0, ranges.length]).to.deep.equal([true, 0]);
      // What does not run is looked at once.
      expect(await served.status('moments', 'POST')).to.equal(404);
      expect(await served.status('symbols/do_idle')).to.equal(404);
      expect(await served.json('places/0xffffffff81000044')).to.equal(null);
      expect(await served.status('')).to.equal(200);
    });
    expect({ status, err }).to.deep.equal({
      status: 3,
      err: ['pagewalk: internal error, please report it: Error: interrupted'],
    });
    expect(await fetch(url).catch((error: unknown) => error)).to.be.instanceOf(TypeError);
  });

  it('serves names of the guest where they are asked for, and places of what was looked at', async () => {
    await explore(over, `explore --dump ${over.dump} --pid 7 --range 0x400000-0x7fffffffffff`, async (served) => {
      expect(await served.json('about')).to.deep.equal({ moments: 1, live: false, symbols: true });
      const { heading } = await served.moment();
      expect(heading).to.deep.include({ first: 0x40_0000n, last: 0x7fff_ffff_ffffn });
      expect(heading.space).to.deep.equal({
        ...{ cr3: SMALL_LINUX.roots.shell, given: true, changes: [] },
        owner: { kind: 'process', pid: 7, comm: 'sh', half: null },
      });
      expect(heading.names.filter(({ first }) => first < 1n << 63n)).to.deep.equal([
        { first: 0x40_0000n, last: 0x40_0fffn, text: '/bin/busybox' },
        { first: 0x7000_0000_0000n, last: 0x7000_0000_0fffn, text: 'anonymous' },
      ]);
      expect(heading.names.map(({ text }) => text)).to.include.members(['kernel text', 'module toy_module']);
      expect(await served.json('symbols/do_id')).to.deep.equal({
        ...{ symbols: [{ name: 'do_idle', address: '0xffffffff81000040' }], more: false, hasModules: false },
      });
      expect(await served.json('places/0xffffffff81000044')).to.deep.equal({
        symbol: { name: 'do_idle', address: { $bigint: '0xffffffff81000040' }, type: 't', module: null },
        ...{ offsetBytes: 4, sizeBytes: 192 },
      });
      expect(await served.json('places/0x400000')).to.equal(null);
    });
  });

  it('serves maps that were saved, by their numbers', async () => {
    const save = async (name: string, words: string): Promise<string> => {
      const { out } = await over.run(`map --json ${words}`);
      return over.file(name, out.map((line) => `${line}\n`).join(''));
    };
    const [one, other] = [await save('one', ''), await save('other', '--cr3 0x18000')];
    await explore(over, `explore ${one} ${other}`, async (served) => {
      expect(await served.json('about')).to.deep.equal({ moments: 2, live: false, symbols: false });
      const moments = [await served.moment(0), await served.moment(1)];
      expect(moments.map(({ heading: { from, space } }) => [from, space?.cr3])).to.deep.equal([
        [one, 0xa000n],
        [other, 0x1_8000n],
      ]);
      expect(moments.map(({ ranges }) => decodeRanges(ranges).length)).to.deep.equal([10, 8]);
      expect(await served.status('moments/2')).to.equal(404);
      expect(await served.status('moments', 'POST')).to.equal(404);
    });
  });

  it('serves nothing where there is nothing to serve', async () => {
    for (const [words, status, message] of [
      [`explore ${over.dump}.none`, 2, 'no such file'],
      [`explore --dump ${over.dump} --cpu 9`, 3, 'there is no vCPU 9'],
      [`explore --dump ${over.dump} --pid 2`, 2, 'is a thread of the kernel'],
    ] as const) {
      const ended = await over.runBare(words);
      expect({ status: ended.status, out: ended.out }, words).to.deep.equal({ status, out: [] });
      expect(ended.err[0], words).to.contain(message);
    }
  });
});
