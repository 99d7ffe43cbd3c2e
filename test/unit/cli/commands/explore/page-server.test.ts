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

  async function request(path: string, init: RequestInit = {}) {
    const response = await fetch(`${url}${path}`, { ...init, headers: { Connection: 'close' } });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { status, headers } = response;
    return { status, type: headers.get('content-type'), length: Number(headers.get('content-length')), bytes };
  }

  const TEXT = 'text/plain; charset=utf-8';
  const refused = (status: number, text: string) => {
    const bytes = Uint8Array.from(Buffer.from(text));
    return { status, type: TEXT, length: bytes.length, bytes };
  };
  const NOTHING = refused(404, 'there is nothing here\n');

  it('gives the page, before there is anything to see and after', async () => {
    for (const moments of [undefined, MOMENTS]) {
      if (moments !== undefined) server.serve(moments);
      const { status, type, length, bytes } = await request('');
      expect([status, type, length]).to.deep.equal([200, 'text/html; charset=utf-8', bytes.length]);
      expect(Buffer.from(bytes).toString())
        .to.match(/^<!doctype html>/)
        .and.contain('id="served"');
    }
    expect(await request('', { method: 'POST' })).to.deep.equal(NOTHING);
  });

  it('gives moments by their numbers', async () => {
    const asked: number[] = [];
    const moment = async (at: number): Promise<Uint8Array> => {
      asked.push(at);
      return Uint8Array.of(at, 255);
    };
    server.serve({ ...MOMENTS, count: 12, moment });
    const bytesOf = (at: number) => {
      return { status: 200, type: 'application/octet-stream', length: 2, bytes: Uint8Array.of(at, 255) };
    };
    expect(await request('moments/0')).to.deep.equal(bytesOf(0));
    expect(await request('moments/11')).to.deep.equal(bytesOf(11));
    expect(await request('moments/0011')).to.deep.equal(bytesOf(11));
    expect(asked).to.deep.equal([0, 11, 11]);
    for (const path of ['moments/12', 'moments/00011', 'moments/', 'moments/-1', 'moments/0/', 'moments', 'moments/x'])
      expect(await request(path), path).to.deep.equal(NOTHING);
    for (const path of ['moments/0', 'about', 'symbols/a', 'places/0x1010', 'moments'])
      expect(await request(path, { method: 'POST' }), path).to.deep.equal(NOTHING);
    expect(asked).to.have.length(3);
  });

  it('takes a new moment of a guest that runs, and says in words why that is unavailable', async () => {
    const described: unknown[] = [];
    const live: ServedMoments = {
      ...MOMENTS,
      ...{ live: true, symbols: null, take: async () => Uint8Array.of(7) },
      describe: async (error) => {
        described.push(error);
        return 'it is so: é';
      },
    };
    server.serve(live);
    expect(await ask('about')).to.deep.equal([200, '{"moments":1,"live":true,"symbols":false}']);
    expect(await request('moments', { method: 'POST' })).to.deep.equal({
      ...{ status: 200, type: 'application/octet-stream', length: 1, bytes: Uint8Array.of(7) },
    });
    expect(await request('moments')).to.deep.equal(NOTHING);
    const broken = new Error('broken');
    server.serve({ ...live, take: () => Promise.reject(broken) });
    expect(await request('moments', { method: 'POST' })).to.deep.equal(refused(502, 'it is so: é'));
    expect(described).to.deep.equal([broken]);
  });

  it('takes names and addresses up to a length', async () => {
    server.serve(MOMENTS);
    const long = 'a'.repeat(1024);
    expect((await ask(`symbols/${long}`))[0]).to.equal(200);
    expect(await request(`symbols/${long}a`)).to.deep.equal(NOTHING);
    expect(await request('symbols/%')).to.deep.equal(refused(404, 'this is no name\n'));
    expect(await ask(`places/0x${'0'.repeat(12)}1010`)).to.deep.equal(await ask('places/0x1010'));
    for (const path of [`places/0x${'0'.repeat(13)}1010`, 'places/0x', 'places/1010', 'places/0x1010/', 'places/0xA'])
      expect(await request(path), path).to.deep.equal(NOTHING);
    expect((await request('places/0x1010')).type).to.equal('application/json');
    expect((await request('symbols/a')).type).to.equal('application/json');
  });

  it('says in words why it does not answer', async () => {
    server.serve(MOMENTS);
    const { host, pathname } = new URL(url);
    const body = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);
    const own = `Host: ${host}`;
    expect(body(await say(['Host: other']))).to.equal(`this server answers to http://${host} alone\n`);
    for (const head of ['Origin: null', 'Sec-Fetch-Site: cross-site'])
      expect(body(await say([own, head]))).to.equal('pages of other origins get no answer\n');
    const lacks = 'the address lacks the token that pagewalk explore has printed\n';
    expect(body(await say([own], '/elsewhere/about'))).to.equal(lacks);
    expect(body(await say([own], `${pathname}about?a=1`))).to.equal(lacks);
    expect(body(await say([own], `${pathname}about`))).to.match(/^\{"moments":1,/);
    for (const head of ['Content-Length: 1', 'Transfer-Encoding: chunked'])
      expect(body(await say([own, head]))).to.equal('requests have no body here\n');
  });

  it('sends with each answer what a browser may do with it', async () => {
    server.serve(MOMENTS);
    const policy =
      "default-src 'none'; script-src 'sha256-a'; style-src 'sha256-b'; img-src data:; connect-src 'self'; " +
      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    for (const path of ['', 'about', 'nothing']) {
      const { headers } = await fetch(`${url}${path}`, { headers: { Connection: 'close' } });
      expect(headers.get('content-security-policy'), path).to.equal(policy);
      expect(headers.get('cache-control'), path).to.equal('no-store');
      expect(headers.get('x-content-type-options'), path).to.equal('nosniff');
    }
  });

  it('takes no heading that is too long', async () => {
    server.serve(MOMENTS);
    const own = `Host: ${new URL(url).host}`;
    expect(await say([own, `X-Long: ${'a'.repeat(15_000)}`])).to.match(/^HTTP\/1\.1 200 /);
    expect(await say([own, `X-Long: ${'a'.repeat(17_000)}`])).to.match(/^HTTP\/1\.1 431 /);
  });

  it('has a token that is another one each time, and is closed once and for all', async () => {
    const other = new PageServer({ script: '', style: '', scriptHash: 'a', styleHash: 'b' });
    await other.close();
    const address = await other.listen(0);
    expect(address).to.match(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    expect(new URL(address).pathname).not.to.equal(new URL(url).pathname);
    await other.close();
    await other.close();
    const failure = await fetch(address).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(TypeError);
  });
});
