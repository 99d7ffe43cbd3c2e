/// <reference lib="dom" />
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const { PAGEWALK_CHROMIUM, PATH = '' } = process.env;
/** Beside other tests, on a machine that has other things to do. */
const PATIENCE_MS = 60_000;

/** Debian's chromium, or what the environment names. */
function findChromium(): string {
  const places = [PAGEWALK_CHROMIUM, ...PATH.split(':').map((directory) => join(directory, 'chromium'))];
  const found = places.find((place) => place !== undefined && existsSync(place));
  if (found === undefined) throw new Error('there is no chromium: scripts/setup.sh installs it');
  return found;
}

/** Starts a browser that nothing outside of this process can drive. It is closed by its caller. */
export function launchBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: findChromium(),
    pipe: true,
    protocolTimeout: PATIENCE_MS,
    timeout: PATIENCE_MS,
    // A browser of root has no sandbox; what it opens here is the page under test. Drawn without a graphics processor.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
  });
}

/** A page, and everything that it complains of. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, of the console, and of what the security policy forbids. */
  readonly complaints: readonly string[];
}

/** Opens an address, and waits for the picture, or for the word that there is none. */
export async function openPage(browser: Browser, url: string, width = 1280, height = 720): Promise<WatchedPage> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A hint to who reads points of a canvas, as tests do.
    if (message.text().startsWith('Canvas2D: Multiple readback')) return;
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewport({ width, height });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset['picture'] !== undefined);
  return { page, complaints };
}
