import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ArchivedFile, encodeCpio } from './encode-cpio.ts';

/** The kernels of Debian that guests are made of: `fetch-kernel.sh` knows where each comes from. */
export type LinuxKind = '6.1-cloud' | '6.12-cloud' | '6.1-686-pae' | '6.1-686';

/** The first processes, each a program beside this file that says what the kernel says of itself, or of its own guest. */
export type FirstProcess = 'names' | 'kvm';

/** What QEMU starts. */
export interface LinuxImages {
  readonly kernel: string;
  readonly initrd: string;
  /** As `uname -r` shows it. */
  readonly release: string;
}

/** Seen from dist/scripts/guests, where this file runs. The images are kept: a kernel costs a download. */
const IMAGES = fileURLToPath(new URL('../../linux-guests/', import.meta.url));
const HERE = fileURLToPath(new URL('../../../scripts/guests/', import.meta.url));
const FREESTANDING = ['-ffreestanding', '-fno-stack-protector', '-fno-pie', '-no-pie', '-nostdlib'];
/** How each is compiled, and its modules in the order in which it loads them; those that a kernel lacks are left out. */
const FIRST_PROCESSES: Readonly<
  Record<FirstProcess, { readonly flags: readonly string[]; readonly modules: readonly string[] }>
> = {
  names: { flags: FREESTANDING, modules: ['loop.ko', 'fuse.ko', 'dummy.ko', 'libcrc32c.ko'] },
  kvm: { flags: [], modules: ['irqbypass.ko', 'kvm.ko', 'kvm-amd.ko'] },
};
const run = promisify(execFile);

/**
 * Makes the images of a kind, or takes those that are there.
 *
 * @throws what the script or the compiler says
 */
export async function linuxImages(kind: LinuxKind, first: FirstProcess = 'names'): Promise<LinuxImages> {
  const folder = join(IMAGES, kind);
  await run('sh', [join(HERE, 'fetch-kernel.sh'), kind, folder]);
  const initrd = await makeInitramfs(kind, folder, first);
  const release = (await readFile(join(folder, 'release'), 'latin1')).trim();
  return { kernel: join(folder, 'vmlinuz'), initrd, release };
}

/** Made each time, as it takes no time; put in place at once, as several tests may do so together. */
async function makeInitramfs(kind: LinuxKind, folder: string, first: FirstProcess): Promise<string> {
  await mkdir(folder, { recursive: true });
  const initramfs = join(folder, `${first}.initramfs`);
  const work = await mkdtemp(join(folder, 'initramfs.'));
  try {
    const init = join(work, 'init');
    const width = kind.startsWith('6.1-686') ? ['-m32'] : [];
    const { flags, modules: wanted } = FIRST_PROCESSES[first];
    await run('gcc', ['-Os', '-static', ...flags, ...width, join(HERE, `${first}-init.c`), '-o', init]);
    const modules = await modulesOf(folder, wanted);
    const order = modules.map(({ path }) => `${path.replace('modules/', '')}\n`).join('');
    const files: ArchivedFile[] = [
      { path: 'init', bytes: await readFile(init), isExecutable: true },
      ...modules,
      { path: 'modules/order', bytes: Buffer.from(order) },
    ];
    await writeFile(join(work, 'initramfs'), encodeCpio(files));
    await rename(join(work, 'initramfs'), initramfs);
  } finally {
    await rm(work, { recursive: true });
  }
  return initramfs;
}

async function modulesOf(folder: string, wanted: readonly string[]): Promise<ArchivedFile[]> {
  const found = await Promise.all(
    wanted.map(async (name) => {
      const bytes = await readFile(join(folder, 'modules', name)).catch(() => undefined);
      return bytes === undefined ? [] : [{ path: `modules/${name}`, bytes }];
    }),
  );
  return found.flat();
}
