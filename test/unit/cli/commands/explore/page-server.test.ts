import { connect } from 'node:net';
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

  /** What is answered to these lines, sent as they are. */
  function say(head: readonly string[], path = `${new URL(url).pathname}about`): Promise<string> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        answer += text;
      });
      socket.on('end', () => resolve(answer)).on('error', reject);
      // The older form of HTTP needs no Host, and ends with its answer.
      socket.write([`GET ${path} HTTP/1.0`, ...head, '', ''].join('\r\n'));
    });
  }

  it('answers to its own name and its own pages alone', async () => {
    server.serve(MOMENTS);
    const { host } = new URL(url);
    const own = `Host: ${host}`;
    for (const head of [
      [own],
      [own, `Origin: http://${host}`],
      [own, 'Sec-Fetch-Site: none'],
      [own, 'Sec-Fetch-Site: same-origin'],
    ]) {
      expect(await say(head), head.join()).to.match(/^HTTP\/1\.1 200 /);
    }
    for (const head of [
      [],
      [`Host: evil.example:${new URL(url).port}`],
      ['Host: '],
      ['Host: undefined'],
      [own, 'Origin: http://evil.example'],
      [own, 'Origin: null'],
      [own, 'Sec-Fetch-Site: cross-site'],
      [own, 'Sec-Fetch-Site: same-site'],
    ]) {
      expect(await say(head), head.join()).to.match(/^HTTP\/1\.1 403 /);
    }
    for (const path of ['/about', '//about', '/elsewhere/about', `${new URL(url).pathname.slice(0, -2)}/about`]) {
      expect(await say([own], path), path).to.match(/^HTTP\/1\.1 403 /);
    }
  });

  it('takes no body, and what follows one is no request', async () => {
    server.serve(MOMENTS);
    const { host } = new URL(url);
    const answer = await say([`Host: ${host}`, 'Content-Length: 1', 'Connection: keep-alive']);
    expect(answer)
      .to.match(/^HTTP\/1\.1 413 /)
      .and.match(/^connection: close/im);
    expect(await say([`Host: ${host}`, 'Content-Length: 0'])).to.match(/^HTTP\/1\.1 200 /);
  });

  it('says what a page may do, and that nothing is kept', async () => {
    server.serve(MOMENTS);
    const answer = await say([`Host: ${new URL(url).host}`]);
    for (const line of [
      /^content-security-policy: default-src 'none'/im,
      /^x-content-type-options: nosniff/im,
      /^referrer-policy: no-referrer/im,
      /^cross-origin-resource-policy: same-origin/im,
      /^cross-origin-opener-policy: same-origin/im,
      /^cache-control: no-store/im,
    ]) {
      expect(answer).to.match(line);
    }
  });
});
