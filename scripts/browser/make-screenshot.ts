import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launchQemu } from '../../src/testing/index.ts';
import { linuxImages } from '../guests/linux-images.ts';
import { launchBrowser, openPage } from './browser.ts';

/*
 * `npm run screenshot`: the picture that README.md shows, of a Linux guest that boots for it.
 */

/** Seen from dist/scripts/browser, where this file runs. */
const COMMAND = fileURLToPath(new URL('../../bundles/command/pagewalk.js', import.meta.url));
/** Emulated, on a machine that does something else besides. */
const BOOT_TIMEOUT_MS = 180_000;
const PICTURE = fileURLToPath(new URL('../../../docs/picture.png', import.meta.url));

const directory = await mkdtemp(join(tmpdir(), 'pagewalk-screenshot-'));
const browser = await launchBrowser();
let stop: (() => Promise<unknown>) | undefined;
try {
  const { kernel, initrd } = await linuxImages('6.1-cloud');
  const guest = await launchQemu({
    cpu: 'max',
    accel: 'tcg',
    memory: '1G',
    kernel,
    append: 'quiet panic=-1',
    ...{ ready: /^ready$/, readyTimeoutMs: BOOT_TIMEOUT_MS },
    extraArgs: ['-initrd', initrd, '-no-reboot'],
  });
  stop = () => guest.stop();
  const file = join(directory, 'linux.html');
  const child = spawn(process.execPath, [COMMAND, 'map', '--qmp', guest.qmpEndpoint, '--names', '--html', file], {
    stdio: 'inherit',
    // Names of this boot are of no use later.
    env: { ...process.env, XDG_CACHE_HOME: directory },
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`map --html ended with status ${status}`);
  const { page } = await openPage(browser, pathToFileURL(file).href);
  await page.type('input[type=search]', 'kernel text');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.walk .good');
  await page.focus('canvas');
  await page.keyboard.press('Home');
  await page.mouse.move(700, 250);
  await page.waitForNetworkIdle({ idleTime: 500 });
  await page.screenshot({ path: PICTURE });
  process.stdout.write(`${PICTURE}\n`);
} finally {
  await browser.close();
  await stop?.();
  await rm(directory, { recursive: true, force: true });
}
