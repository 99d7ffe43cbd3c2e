/// <reference lib="dom" />
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';

/** Seen from dist/test/support/live/browser: below dist, where a run's artifacts are. */
const SCREENSHOTS = fileURLToPath(new URL('../../../../screenshots/', import.meta.url));

/** Keeps what a page looks like, below dist/screenshots. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** The colour of a point of the picture, `#rrggbb`: its place as a share of the width, and so many points from the top. */
export function colourAt(page: Page, share: number, top: number): Promise<string> {
  return page.evaluate(
    ([across, down]) =>
      new Promise<string>((resolve) => {
        // After the picture that is under way.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => {
            const canvas = document.querySelector('canvas');
            const context = canvas?.getContext('2d');
            const bytes = canvas && context?.getImageData(Math.floor(canvas.width * across), down, 1, 1).data;
            const digits = bytes ? [...bytes].slice(0, 3).map((byte) => byte.toString(16).padStart(2, '0')) : [];
            resolve(`#${digits.join('')}`);
          }),
        );
      }),
    [share, top] as const,
  );
}

/** Colours by their meaning, as the legend has them. */
export async function legendOf(page: Page): Promise<ReadonlyMap<string, string>> {
  const rows = await page.$$eval('.legend li', (items) =>
    items.map((item) => [
      item.querySelector('.swatch')?.getAttribute('data-class') ?? '',
      item.querySelector('rect')?.getAttribute('fill') ?? '',
    ]),
  );
  return new Map(rows.map(([label = '', colour = '']) => [label, colour]));
}
