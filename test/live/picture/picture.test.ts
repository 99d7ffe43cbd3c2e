/// <reference lib="dom" />
import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { expect } from 'chai';
import type { Browser, Page } from 'puppeteer-core';
import { launchBrowser, openPage } from '../../../scripts/browser/browser.ts';
import { LIMITS_OF_FILE, momentBytes } from '../../../src/cli/picture/moment-bytes.ts';
import { readPageFiles } from '../../../src/cli/picture/page-files.ts';
import { symbolBytes } from '../../../src/cli/picture/symbol-bytes.ts';
import { writePage } from '../../../src/cli/picture/write-page.ts';
import { GuestView, givenSource } from '../../../src/guest/index.ts';
import { AreaMap, type Linux, makeColumns, SymbolTable } from '../../../src/linux/internal.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { eventually } from '../../support/eventually.ts';
import { colourAt, keepScreenshot, legendOf } from '../../support/live/browser/looks.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { runCommand } from '../../support/live/run-command.ts';
import { type PagewalkRun, startPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { type MapLine, mapLineSchema } from '../../support/schemas/map-schema.ts';

/** A line inside of the large strip of the picture: below the overview and the addresses. */
const IN_THE_STRIP = 120;

/** What the legend calls rights. */
function labelOf({ write, user, exec }: { write: boolean; user: boolean; exec: boolean }): string {
  const words = `${user ? 'user' : 'supervisor'}, ${write && exec ? 'writable and executable' : write ? 'writable' : exec ? 'executable' : 'read-only'}`;
  return `r${write ? 'w' : '-'}${exec ? 'x' : '-'}${user ? 'u' : '-'} ${words}`;
}

const endOfAll = 0xffff_ffff_ffff_ffffn;
const endOf = (bytes: string): string => `0x${(BigInt(bytes) | 0xfffn).toString(16)}`;

async function lookAt(page: Page, link: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, link);
}

async function walkIn(page: Page, link: string, expected: string): Promise<void> {
  await lookAt(page, link);
  const [question = ''] = expected.split('\n');
  await page.waitForFunction(
    (first) => document.querySelector('.walk')?.textContent?.startsWith(first) === true,
    {},
    question,
  );
  expect(await page.$eval('.walk', ({ textContent }) => textContent)).to.equal(expected.trimEnd());
}

/** The address that `pagewalk explore` prints. */
async function addressOf({ child, ended }: PagewalkRun): Promise<string> {
  const text = new Promise<string>((resolve) => {
    let said = '';
    child.stdout?.on('data', (chunk: string) => {
      said += chunk;
      if (said.includes('\n')) resolve(said.trim());
    });
  });
  const early = ended.then(({ stderr }) => {
    throw new Error(`explore ended: ${stderr}`);
  });
  return Promise.race([text, early]);
}

/** What QEMU says to another client. */
async function runStateOf(guest: QemuProcess): Promise<string> {
  await using witness = await Witness.of(guest);
  return witness.runState();
}

/** Presses the button with such a text. */
async function press(page: Page, text: string): Promise<void> {
  await page.evaluate((wanted) => {
    const buttons = [...document.querySelectorAll<HTMLButtonElement>('.timeline button')];
    buttons.find(({ textContent }) => textContent === wanted)?.click();
  }, text);
}

/** An HTTP request with headers that no browser would send. */
function ask(url: string, headers: Record<string, string>, method = 'GET', body = ''): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { Connection: 'close', ...headers } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the picture in a browser', () => {
  const fileNamed = useScratchDirectory();
  let browser: Browser;
  let guest: QemuProcess;
  let lines: readonly MapLine[];

  before(async () => {
    [browser, guest] = await Promise.all([launchBrowser(), launchKernel('long4')]);
    const { stdout } = await runCommand(['map', '--qmp', guest.qmpEndpoint, '--json']);
    lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => mapLineSchema.parse(JSON.parse(line)));
    const written = await runCommand(['map', '--qmp', guest.qmpEndpoint, '--html', fileNamed('map.html')]);
    expect(written).to.include({ status: 0, stderr: '' });
    expect(statSync(fileNamed('map.html')).mode & 0o777).to.equal(0o600);
  });

  after(async () => {
    await browser?.close();
    await guest?.stop();
  });

  describe('of a file', () => {
    let page: Page;
    let complaints: readonly string[];

    before(async () => {
      ({ page, complaints } = await openPage(browser, `file://${fileNamed('map.html')}`));
    });

    it('has at each place the colour of the rights that the map has there', async () => {
      await keepScreenshot(page, 'map-1280x720');
      const ranges = lines.filter((line) => line.kind === 'range');
      // Stripes have two colours, and are tested by their own.
      const plain = ranges.filter(({ rights }) => !(rights.write && rights.exec) && rights.read !== false);
      const colours = await legendOf(page);
      const chosen = plain.filter((_, at) => at % Math.ceil(plain.length / 12) === 0);
      expect(chosen.length).to.be.at.least(8);
      for (const { first, last, rights } of chosen) {
        await lookAt(page, `at=${first}-${last}`);
        const label = labelOf(rights);
        expect(await colourAt(page, 0.503, IN_THE_STRIP), `${first} ${label}`).to.equal(colours.get(label));
      }
    });

    it('has a hole where nothing is mapped', async () => {
      const [range] = lines.filter((line) => line.kind === 'range');
      await lookAt(page, `scale=linear&at=0x0-${endOf('0x0')}`);
      expect(range?.first).to.equal('0x1000');
      const colours = await legendOf(page);
      expect([...colours.values()]).to.not.include(await colourAt(page, 0.5, IN_THE_STRIP));
    });

    it('shows the walk that the command prints, allowed or denied, and what if a register were otherwise', async () => {
      for (const [address, words, link] of [
        ['0x8000001123', ['--write', '--user'], 'access=wu'],
        ['0x8000004000', ['--exec', '--user'], 'access=xu'],
        ['0x8000003456', ['--write', '--set', 'CR0.WP=0'], 'access=w&set=CR0.WP%3D0'],
        ['0x8000000000', ['--set', 'CR4.SMAP=1'], 'access=r&set=CR4.SMAP%3D1'],
        ['0x123456789000', [], 'access=r'],
      ] as const) {
        const { stdout } = await runCommand(['translate', address, '--qmp', guest.qmpEndpoint, ...words]);
        await walkIn(page, `walk=${address}&${link}`, stdout);
      }
    });

    it('recolours at once what kernels may do when a register is switched', async () => {
      await lookAt(page, 'colour=supervisor&at=0x8000003000-0x8000003fff');
      await page.waitForSelector('[data-class="read, execute"]');
      const before = await colourAt(page, 0.5, IN_THE_STRIP);
      expect(before).to.equal((await legendOf(page)).get('read, execute'));
      await page.click('.what-if input[type=checkbox]');
      await page.waitForFunction(
        () => document.querySelector('.what-if .note')?.textContent?.includes('CR0.WP=0') === true,
      );
      // The note is there before the picture is.
      while ((await colourAt(page, 0.5, IN_THE_STRIP)) === before);
    });

    it('is used by keys alone: the next range, its walk, everything again', async () => {
      await lookAt(page, 'at=0x8000003000-0x8000003fff');
      await page.focus('canvas');
      await page.keyboard.press('n');
      await page.waitForSelector('.walk');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => document.querySelector('.walk') === null);
      // Also while something else has the focus, which is the picture's then.
      await page.keyboard.press('Enter');
      await page.waitForSelector('.walk');
      expect(await page.$eval('.facts', ({ textContent }) => textContent)).to.match(
        /^0x[0-9a-f]{16}-.* · A=\d+ D=\d+ · RAM/,
      );
      await page.focus('.accesses button');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => document.querySelector('.walk') === null);
      expect(await page.evaluate(() => document.activeElement?.tagName)).to.equal('CANVAS');
      await page.keyboard.press('Home');
      await page.keyboard.press('t');
      const rows = await page.$$eval('.table tbody tr', (all) => all.length);
      expect(rows).to.be.greaterThan(10);
    });

    it('shows what the kernel may do when a switch changes that alone, and carries in its link what is seen', async () => {
      await lookAt(page, 'scale=folded');
      await page.waitForSelector('[data-class^="rwx"]');
      await page.click('.what-if input[type=checkbox]');
      const alarming = '[data-class="read, write and execute"]';
      await page.waitForSelector(alarming);
      await page.click(alarming);
      await page.waitForFunction(() => /colour=supervisor.*fade=4/.test(location.hash));
      const link = await page.evaluate(() => location.hash.slice(1));
      await lookAt(page, 'scale=folded');
      await page.waitForSelector('[data-class^="rwx"][aria-pressed=true]');
      await lookAt(page, link);
      await page.waitForSelector(`${alarming}[aria-pressed=false]`);
    });

    it('is zoomed by two fingers and by two touches, and tells what was touched', async () => {
      await page.setViewport({ width: 390, height: 844, hasTouch: true, isMobile: true });
      await lookAt(page, 'scale=folded');
      const devtools = await page.createCDPSession();
      const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number | null): Promise<unknown> => {
        const places = apart === null ? [] : [195 - apart, 195 + apart];
        return devtools.send('Input.dispatchTouchEvent', {
          type,
          touchPoints: places.map((x, id) => ({ x, y: 480, id })),
        });
      };
      /** How many bytes are seen. */
      const seenWidth = async (): Promise<bigint> => {
        const [, first = '0x0', last = '0x0'] =
          /at=(0x[0-9a-f]+)-(0x[0-9a-f]+)/.exec(await page.evaluate(() => location.hash)) ?? [];
        return BigInt.asUintN(64, BigInt(last) - BigInt(first));
      };
      await touch('touchStart', 20);
      for (const apart of [40, 80, 120]) await touch('touchMove', apart);
      await touch('touchEnd', null);
      await page.waitForFunction(() => location.hash.includes('at='));
      const pinched = await seenWidth();
      for (let tap = 0; tap < 2; tap += 1) await page.touchscreen.tap(195, 480);
      await page.waitForSelector('.walk');
      await eventually('less is seen', async () => (await seenWidth()) < pinched);
      expect(await page.$eval('.facts', ({ textContent }) => textContent)).to.match(/0x[0-9a-f]{16}-|hole|mapped/);
      await lookAt(page, '');
      await page.setViewport({ width: 1280, height: 720 });
    });

    it('fits a phone, and the dark', async () => {
      await page.setViewport({ width: 390, height: 844, hasTouch: true, isMobile: true });
      await lookAt(page, 'theme=dark&walk=0x8000001000&access=w&at=0x8000000000-0x800000ffff');
      await page.waitForFunction(() => document.documentElement.dataset['theme'] === 'dark');
      await keepScreenshot(page, 'map-phone-dark');
      const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
      expect(widths[0]).to.be.at.most(widths[1]);
    });

    it('complained of nothing', () => {
      expect(complaints).to.deep.equal([]);
    });

    it('shows what a peer has named as text, whatever it is', async () => {
      const name = '</script><img src=x onerror="document.title=1">\u0002';
      const memory = new Uint8Array(0x8000);
      new DataView(memory.buffer).setBigUint64(0x1000, 0x1067n, true);
      const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
      const regions = [{ kind: 'ram', name, first: 0n, last: 0x7fffn, offset: 0n }] as const;
      const vcpus = [{ registers, features: { maxPhyAddr: 40 } }];
      const snapshot = await new GuestView(givenSource({ vcpus, memory, regions })).snapshot();
      const facts = {
        from: name,
        takenAtMs: null,
        pause: null,
        space: { cr3: 0x1000n, given: false, owner: { kind: 'process', pid: 1, comm: name, half: null } as const },
        first: 0n,
        last: 0xffff_ffff_ffff_ffffn,
        assumed: snapshot.assumed,
        notes: [name],
        names: [{ first: 0n, last: 0xfffn, text: name }],
      };
      const symbols = [
        { name: name.slice(0, -1), address: 0x10n, type: 't' },
        { name: 'end', address: 0x800n, type: 't' },
      ];
      const linux = { tables: () => [new SymbolTable(makeColumns(symbols))] } as unknown as Linux;
      const moments = [momentBytes(snapshot, facts, LIMITS_OF_FILE)];
      const packed = symbolBytes({ linux, areas: new AreaMap([]) }, moments, { complain: expect.fail });
      await writePage(fileNamed('names.html'), readPageFiles(), moments, packed);
      const named = await openPage(browser, `file://${fileNamed('names.html')}#walk=0x0&colour=region`);
      await named.page.waitForFunction(() => document.querySelector('.walk')?.textContent !== '');
      expect(await named.page.$$eval('img', ({ length }) => length)).to.equal(0);
      expect(await named.page.$eval('h1', ({ textContent }) => textContent)).to.include('<img src=x');
      expect(await named.page.$eval('.walk', ({ textContent }) => textContent)).to.include('<img src=x');
      await named.page.type('input[type=search]', 'onerror+0x4');
      await named.page.keyboard.press('Enter');
      await named.page.waitForFunction(() => document.querySelector('.said')?.textContent !== '');
      expect(await named.page.$eval('.said', ({ textContent }) => textContent)).to.equal(
        `0x0000000000000014 ${name.slice(0, -1)}+0x4`,
      );
      await named.page.waitForFunction(() => document.querySelector('.walk')?.textContent?.includes('+0x4/0x7f0'));
      expect(named.complaints).to.deep.equal([]);
      await named.page.close();
    });

    it('names the first of many pages that lead to one, also where pieces do not say where they lead', async () => {
      // A page table whose pages lead to and fro, so often that its pages are not kept one by one.
      const memory = new Uint8Array(0x8000);
      const tables = new DataView(memory.buffer);
      const fill = (table: number, count: number, entryOf: (at: number) => number): void => {
        for (let at = 0; at < count; at += 1) tables.setBigUint64(table + at * 8, BigInt(entryOf(at)), true);
      };
      fill(0x1000, 1, () => 0x2067);
      fill(0x2000, 4, () => 0x3067);
      fill(0x3000, 512, () => 0x4067);
      fill(0x4000, 512, (at) => (at % 2 === 0 ? 0x7067 : 0x5067));
      const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
      const vcpus = [{ registers, features: { maxPhyAddr: 40 } }];
      const snapshot = await new GuestView(givenSource({ vcpus, memory })).snapshot();
      const { assumed } = snapshot;
      const space = { cr3: 0x1000n, given: false };
      const times = { takenAtMs: null, pause: null };
      const facts = { from: 'many', ...times, space, first: 0n, last: endOfAll, assumed, notes: [], names: [] };
      await writePage(fileNamed('many.html'), readPageFiles(), [momentBytes(snapshot, facts, LIMITS_OF_FILE)]);
      const many = await openPage(browser, `file://${fileNamed('many.html')}`);
      await many.page.type('input[type=search]', 'phys:0x5123');
      await many.page.keyboard.press('Enter');
      await many.page.waitForFunction(() => document.querySelector('.said')?.textContent !== '');
      const said = await many.page.$eval('.said', ({ textContent }) => textContent);
      expect(said).to.equal('0x0000000000001123 leads to physical 0x5123: 1 of 64 or more');
      expect(many.complaints).to.deep.equal([]);
      await many.page.close();
    });

    it('says that a file was cut off', async () => {
      const whole = await readFile(fileNamed('map.html'));
      const start = whole.indexOf('class="moment"');
      expect(whole.length - start).to.be.greaterThan(600);
      for (const length of [start + 300, whole.length - 40]) {
        await writeFile(fileNamed('cut.html'), whole.subarray(0, length));
        const cut = await openPage(browser, `file://${fileNamed('cut.html')}`);
        expect(await cut.page.$eval('[role=alert]', ({ textContent }) => textContent)).to.match(/was cut off/);
        expect(cut.complaints).to.deep.equal([]);
        await cut.page.close();
      }
    });
  });

  describe('of a guest that runs', () => {
    it('is served to who knows the token alone, moment by moment, and keeps the last one when the guest ends', async () => {
      const own = await launchKernel('long4');
      const run = startPagewalk(['explore', '--qmp', own.qmpEndpoint]);
      try {
        const url = await addressOf(run);
        const { host, origin } = new URL(url);
        expect(await ask(url, { Host: host })).to.equal(200);
        expect(await ask(`${origin}/`, { Host: host })).to.equal(403);
        expect(await ask(url.replace(/[^/]{4}\/$/, 'AAAA/'), { Host: host })).to.equal(403);
        expect(await ask(url, { Host: `rebound.example:${new URL(url).port}` })).to.equal(403);
        expect(await ask(`${url}moments`, { Host: host, Origin: 'http://example.com' }, 'POST')).to.equal(403);
        expect(await ask(`${url}moments`, { Host: host, 'Sec-Fetch-Site': 'cross-site' }, 'POST')).to.equal(403);
        expect(await ask(`${url}moments`, { Host: host }, 'POST', 'a body')).to.equal(413);
        expect(await ask(`${url}../secret`, { Host: host })).to.be.oneOf([403, 404]);

        const { page, complaints } = await openPage(browser, url);
        expect(await runStateOf(own), 'between two looks').to.equal('running');
        await press(page, 'step');
        await page.waitForFunction(() => document.querySelector('.timeline')?.textContent?.includes('2 of 2') === true);
        expect(await page.$eval('.timeline', ({ textContent }) => textContent)).to.match(
          /paused for at most [0-9.]+ ms/,
        );
        await keepScreenshot(page, 'explore-1280x720');
        expect(complaints).to.deep.equal([]);

        await own.stop();
        await press(page, 'step');
        await page.waitForSelector('[role=alert]');
        expect(await page.$eval('[role=alert]', ({ textContent }) => textContent)).to.include(
          'The picture is the last one',
        );
        expect(await page.$('canvas')).to.not.equal(null);
        await page.close();
      } finally {
        run.child.kill('SIGINT');
        await own.stop();
      }
      expect((await run.ended).status).to.equal(130);
    });

    it('is compared with itself some time later in a page', async () => {
      const file = fileNamed('later.html');
      const written = await runCommand(['diff', '--after', '50', '--qmp', guest.qmpEndpoint, '--html', file]);
      expect(written).to.include({ status: 0, stderr: '' });
      const { page, complaints } = await openPage(browser, `file://${file}`);
      const timeline = await page.$eval('.timeline', ({ textContent }) => textContent);
      expect(timeline).to.match(/2 of 2, .*paused for at most [0-9.]+ ms, for all/);
      await page.waitForFunction(
        () => document.querySelector('.legend h2')?.textContent?.startsWith('Changes') === true,
      );
      // What did not change has one colour, and keeps its rights.
      const [alarming] = lines.filter((line) => line.kind === 'range' && line.rights.write && line.rights.exec);
      expect(alarming).to.have.property('kind', 'range');
      await page.focus('canvas');
      await page.keyboard.press('w');
      await page.waitForFunction(() => document.querySelector('.said')?.textContent !== '');
      expect(await page.$eval('.said', ({ textContent }) => textContent)).to.match(/^0x[0-9a-f]{16} rwx/);
      // The words come before the frame.
      await eventually(
        'the range is shown, unchanged',
        async () => (await colourAt(page, 0.5, IN_THE_STRIP)) === '#c9cdd2',
      );
      expect(complaints).to.deep.equal([]);
      await page.close();
    });

    it('leaves the guest running when Ctrl-C ends it, and serves saved maps', async () => {
      const run = startPagewalk(['explore', '--qmp', guest.qmpEndpoint]);
      await addressOf(run);
      run.child.kill('SIGINT');
      expect((await run.ended).status).to.equal(130);
      expect(await runStateOf(guest)).to.equal('running');

      const { stdout } = await runCommand(['map', '--qmp', guest.qmpEndpoint, '--json']);
      await writeFile(fileNamed('map.json'), stdout);
      await writeFile(fileNamed('cut.json'), stdout.slice(0, stdout.length / 2));
      // What a page shows has the status of what is printed.
      const first = stdout.split('\n').findIndex((line) => line.includes('"kind":"range"'));
      await writeFile(fileNamed('less.json'), stdout.split('\n').toSpliced(first, 1).join('\n'));
      for (const [other, status] of [
        ['map.json', 0],
        ['less.json', 1],
      ] as const) {
        const files = [fileNamed('map.json'), fileNamed(other)];
        expect(await runCommand(['diff', ...files])).to.include({ status, stderr: '' });
        const drawn = await runCommand(['diff', ...files, '--html', fileNamed('saved.html')]);
        expect(drawn).to.include({ status, stderr: '' });
      }
      const cut = await runCommand(['explore', fileNamed('cut.json')]);
      expect(cut.status).to.equal(2);
      const saved = startPagewalk(['explore', fileNamed('map.json')]);
      try {
        const { page, complaints } = await openPage(browser, await addressOf(saved));
        expect((await legendOf(page)).size).to.be.greaterThan(4);
        expect(complaints).to.deep.equal([]);
        await page.close();
      } finally {
        saved.child.kill('SIGINT');
        await saved.ended;
      }
    });
  });
});
