import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { BenchError } from '../bench-error.ts';

/** How a guest pages. */
export type LinuxPaging = '4-level' | '5-level';

/** Seen from dist/scripts/bench/guests, where this file runs. The images are kept: they cost a download. */
const IMAGES = fileURLToPath(new URL('../../../linux-guest', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../../../scripts/linux-guest.sh', import.meta.url));

/** Emulated, on a machine that does something else besides. */
const BOOT_TIMEOUT_MS = 180_000;

async function makeImages(): Promise<void> {
  const [status] = await once(spawn('sh', [SCRIPT, IMAGES], { stdio: ['ignore', 2, 2] }), 'exit');
  if (status !== 0) throw new BenchError(`scripts/linux-guest.sh ended with status ${status}`);
}

async function boot(paging: LinuxPaging): Promise<QemuProcess> {
  await makeImages();
  return launchQemu({
    cpu: paging === '5-level' ? 'max' : 'max,la57=off',
    accel: 'tcg',
    memory: '1G',
    kernel: join(IMAGES, 'vmlinuz'),
    append: 'quiet panic=-1',
    ...{ ready: /^ready$/, readyTimeoutMs: BOOT_TIMEOUT_MS },
    extraArgs: ['-initrd', join(IMAGES, 'initramfs'), '-no-reboot'],
  });
}

/** Linux guests, each booted when it is first asked for and kept for the whole run. */
export class LinuxGuests implements AsyncDisposable {
  readonly #guests = new Map<LinuxPaging, Promise<QemuProcess>>();

  /** A guest that runs, and has no client attached to it. */
  running(paging: LinuxPaging): Promise<QemuProcess> {
    const known = this.#guests.get(paging);
    if (known !== undefined) return known;
    const booting = boot(paging);
    this.#guests.set(paging, booting);
    return booting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const booting of this.#guests.values()) {
      // One that failed to boot has said so where it was asked for.
      await booting.then(
        (guest) => guest.stop(),
        () => {},
      );
    }
  }
}
