/// <reference lib="dom" />
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { LIMITS_OF_FILE, momentBytes } from '../../../src/cli/picture/moment-bytes.ts';
import { readPageFiles } from '../../../src/cli/picture/page-files.ts';
import { writePage } from '../../../src/cli/picture/write-page.ts';
import { GuestView, givenSource } from '../../../src/guest/index.ts';
import { launchBrowser, openPage } from '../../browser/browser.ts';
import { BenchError } from '../bench-error.ts';
import type { Benchmark, Setting } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { type PicturedTables, picturedTables } from '../guests/pictured-tables.ts';
import { median } from '../statistics.ts';

/** Seen from dist/scripts/bench/measures, where this file runs. */
const COMMAND = fileURLToPath(new URL('../../../bundles/command/pagewalk.js', import.meta.url));
const TURNS = 60;
const ROUNDS = 3;
const MB = 1_000_000;

/** Writes the page of tables as `pagewalk map --html` writes it. */
async function pageOf({ memory, root }: PicturedTables, file: string): Promise<{ bytes: number; ranges: number }> {
  const registers = { cr0: 0x8001_0011n, cr3: BigInt(root), cr4: 0x20n, efer: 0xd00n };
  const view = new GuestView(givenSource({ vcpus: [{ registers, features: { maxPhyAddr: 40 } }], memory }));
  const snapshot = await view.snapshot();
  let ranges = 0;
  snapshot.ranges(() => {
    ranges += 1;
    return true;
  });
  const facts = {
    from: file,
    takenAtMs: null,
    pause: null,
    space: { cr3: BigInt(root), given: false },
    first: 0n,
    last: 0xffff_ffff_ffff_ffffn,
    assumed: [],
    notes: [],
    names: [],
  };
  const bytes = await writePage(file, readPageFiles(), [momentBytes(snapshot, facts, LIMITS_OF_FILE)]);
  return { bytes, ranges };
}

/** From the navigation to the first picture. */
async function firstPictureMs(browser: Browser, file: string): Promise<number> {
  const { page } = await openPage(browser, pathToFileURL(file).href);
  const ms = await page.evaluate(() => performance.getEntriesByName('first-picture')[0]?.startTime);
  await page.close();
  if (ms === undefined) throw new BenchError(`${file} shows no picture`);
  return ms;
}

/** Zooms in and out with the wheel, and takes the times between frames. */
async function frameTimes(page: Page): Promise<readonly number[]> {
  await page.mouse.move(500, 300);
  await page.evaluate(() => {
    const times: number[] = [];
    (window as unknown as { frameTimes: number[] }).frameTimes = times;
    let last = performance.now();
    const next = (): void => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  for (let turn = 0; turn < TURNS; turn += 1) await page.mouse.wheel({ deltaY: turn < TURNS / 2 ? -120 : 120 });
  return page.evaluate(() => (window as unknown as { frameTimes: number[] }).frameTimes.slice(1));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function zooming(browser: Browser, directory: string): Promise<readonly Figure[]> {
  const file = join(directory, 'ranges.html');
  const { ranges, bytes } = await pageOf(picturedTables(1024, 8, 11), file);
  const { page } = await openPage(browser, pathToFileURL(file).href);
  const all: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) all.push(...(await frameTimes(page)));
  await page.close();
  return [
    {
      name: `a frame while zooming over ${ranges} ranges, 95th percentile`,
      value: percentile(all, 0.95),
      unit: 'ms',
      bar: atMost(25),
      details: { frames: all.length, medianMs: median(all), pageMB: bytes / MB },
    },
  ];
}

async function largeSpaces(browser: Browser, directory: string): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { name, piecePages } of [
    { name: 'in pieces of up to 64', piecePages: 64 },
    { name: 'each at random', piecePages: 1 },
  ]) {
    const file = join(directory, `large-${piecePages}.html`);
    const { bytes, ranges } = await pageOf(picturedTables(32_768, piecePages, 2048), file);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await firstPictureMs(browser, file));
    figures.push(
      { name: `page of 16 million pages, ${name}`, value: bytes / MB, unit: 'MB', bar: atMost(5), details: { ranges } },
      {
        name: `first picture of 16 million pages, ${name}`,
        value: median(times),
        unit: 'ms',
        bar: atMost(3000),
        details: { ranges },
      },
    );
  }
  return figures;
}

async function ofLinux(browser: Browser, { directory, linux }: Setting): Promise<readonly Figure[]> {
  const guest = await linux.running('5-level');
  const times: number[] = [];
  const commands: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const file = join(directory, `linux-${round}.html`);
    const startMs = performance.now();
    const child = spawn(process.execPath, [COMMAND, 'map', '--qmp', guest.qmpEndpoint, '--html', file], {
      stdio: 'ignore',
    });
    const [status] = await once(child, 'close');
    if (status !== 0 || statSync(file).size === 0) throw new BenchError(`map --html ended with status ${status}`);
    commands.push(performance.now() - startMs);
    times.push(await firstPictureMs(browser, file));
  }
  return [
    {
      name: 'first picture of a Linux after the command',
      value: median(times),
      unit: 'ms',
      bar: atMost(1000),
      details: { commandMs: median(commands) },
    },
  ];
}

async function* run(setting: Setting): AsyncGenerator<Figure> {
  const browser = await launchBrowser();
  try {
    yield* await zooming(browser, setting.directory);
    yield* await largeSpaces(browser, setting.directory);
    yield* await ofLinux(browser, setting);
  } finally {
    await browser.close();
  }
}

/** The page of pictures, in a real browser that draws without a graphics processor. */
export const picture: Benchmark = { name: 'picture', run };
