import { expect } from 'chai';
import { PageServer, type ServedMoments } from '../../../../../src/cli/commands/explore/page-server.ts';

const MOMENTS: ServedMoments = {
  count: 1,
  live: false,
  symbols: (name) => ({ symbols: [{ name, address: '0x1000' }], more: false, hasModules: false }),
  placeOf: (address) =>
    address === 0x1010n
      ? { symbol: { name: 'a', address: 0x1000n, type: 'T', module: null }, offsetBytes: 16, sizeBytes: 32 }
      : null,
  moment: async () => new Uint8Array([1, 2, 3]),
  take: () => Promise.reject(new Error('it does not run')),
  describe: async (error) => String(error),
};

describe('cli/PageServer', () => {
  let server: PageServer;
  let url: string;

  beforeEach(async () => {
    server = new PageServer({ script: '', style: '', scriptHash: 'a', styleHash: 'b' });
    url = await server.listen(0);
  });

  afterEach(() => server.close());

  async function ask(path: string): Promise<readonly [number, string]> {
    const response = await fetch(`${url}${path}`, { headers: { Connection: 'close' } });
    return [response.status, await response.text()];
  }

  it('says that nothing is there yet until there is', async () => {
    expect((await ask('about'))[0]).to.equal(503);
    server.serve(MOMENTS);
    expect(await ask('about')).to.deep.equal([200, '{"moments":1,"live":false,"symbols":true}']);
  });

  it('finds symbols by names that are no paths', async () => {
    server.serve(MOMENTS);
    const text = '{"symbols":[{"name":"a+0x1 ?#/","address":"0x1000"}],"more":false,"hasModules":false}';
    expect(await ask(`symbols/${encodeURIComponent('a+0x1 ?#/')}`)).to.deep.equal([200, text]);
    for (const path of ['symbols/', 'symbols/%', 'symbols/%ff', 'symbols/a/b', `symbols/${'a'.repeat(2000)}`]) {
      expect((await ask(path))[0], path).to.equal(404);
    }
    expect(await ask('places/0x2000')).to.deep.equal([200, 'null']);
    expect((await ask('places/0x1010'))[1]).to.equal(
      '{"symbol":{"name":"a","address":{"$bigint":"0x1000"},"type":"T","module":null},"offsetBytes":16,"sizeBytes":32}',
    );
    expect((await ask('places/a'))[0]).to.equal(404);
    server.serve({ ...MOMENTS, symbols: null });
    expect((await ask('symbols/a'))[0]).to.equal(404);
  });
});
