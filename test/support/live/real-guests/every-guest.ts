import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type LinuxKind, linuxImages } from '../../../../scripts/guests/linux-images.ts';
import { launchQemu, type QemuOptions, type QemuProcess } from '../../../../src/testing/index.ts';
import { bootLinux } from '../linux/linux-guest.ts';
import type { RealGuest } from './real-guest.ts';

/** Seen from dist/test/support/live/real-guests, where this file runs. */
const PACKAGES = fileURLToPath(new URL('../../../../real-guests/', import.meta.url));
const FETCH = fileURLToPath(new URL('../../../../../scripts/guests/fetch-package.sh', import.meta.url));
const run = promisify(execFile);

/** Where a package of Debian is unpacked. */
async function packageFolder(name: string): Promise<string> {
  const folder = join(PACKAGES, name);
  await mkdir(folder, { recursive: true });
  await run('sh', [FETCH, name, folder]);
  return folder;
}

function linux(kind: LinuxKind, mode: RealGuest['mode'], append: string, options: QemuOptions = {}): RealGuest {
  const launch = async () => (await bootLinux(kind, append, options)).guest;
  return { name: `Linux ${kind} ${append}`.trim(), mode, launch, pages: 3000 };
}

/** Its tables are those of UEFI: one to one. */
async function launchOvmf(): Promise<QemuProcess> {
  const folder = join(await packageFolder('ovmf'), 'usr/share/OVMF');
  const variables = join(PACKAGES, 'ovmf/variables.fd');
  await copyFile(join(folder, 'OVMF_VARS_4M.fd'), variables);
  const flash = (file: string, more: string) => ['-drive', `if=pflash,format=raw,file=${file},${more}`];
  const extraArgs = [...flash(join(folder, 'OVMF_CODE_4M.fd'), 'readonly=on'), ...flash(variables, 'snapshot=on')];
  return launchQemu({ memory: '256M', cpu: 'max,la57=off,phys-bits=36', accel: 'tcg', extraArgs });
}

async function launchMemtest(file: string, cpu: string): Promise<QemuProcess> {
  const kernel = join(await packageFolder('memtest86+'), 'boot', file);
  return launchQemu({ memory: '256M', cpu, accel: 'tcg', kernel });
}

/** The hypervisor as far as it comes: no kernel of Debian's cloud is one for its dom0, and it stops where it says so. */
async function launchXen(): Promise<QemuProcess> {
  const folder = join(await packageFolder('xen-hypervisor-4.17-amd64'), 'boot');
  const kernel = join(PACKAGES, 'xen');
  await writeFile(kernel, gunzipSync(await readFile(join(folder, 'xen-4.17-amd64.gz'))));
  const { kernel: dom0 } = await linuxImages('6.1-cloud');
  return launchQemu({
    memory: '512M',
    cpu: 'max,la57=off',
    accel: 'tcg',
    kernel,
    append: 'noreboot dom0_mem=256M',
    extraArgs: ['-initrd', dom0],
  });
}

/** What is compared beside the three of every run. */
export const EVERY_GUEST: readonly RealGuest[] = [
  linux('6.1-cloud', '4-level', 'pti=off nokaslr'),
  linux('6.1-686-pae', 'pae', 'pti=on'),
  linux('6.1-686', '32-bit', ''),
  { name: 'OVMF', mode: '4-level', launch: launchOvmf, pages: 100 },
  { name: 'memtest86+, 64 bits', mode: '4-level', launch: () => launchMemtest('memtest86+x64.bin', 'max'), pages: 1 },
  { name: 'memtest86+, 32 bits', mode: 'pae', launch: () => launchMemtest('memtest86+ia32.bin', 'qemu32'), pages: 1 },
  { name: 'Xen 4.17', mode: '4-level', launch: launchXen, pages: 10 },
];
