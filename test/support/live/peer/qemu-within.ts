import { realpathSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { defaultQemuBinary } from '../../../../src/testing/index.ts';
import { kernelImage } from '../guest/kernel-guest.ts';
import { runPagewalk } from '../run-pagewalk.ts';

/** What is tried, by its own name: a QEMU of PAGEWALK_QEMU may lie in the temporary folder, by way of a link or not. */
const QEMU = defaultQemuBinary().includes('/') ? realpathSync(defaultQemuBinary()) : defaultQemuBinary();

/** The sockets of a container, and here its kernel and its program, are in folders that it shares; its temporary folder is its own. */
const OWN_TMP = `
mount -t tmpfs none /mnt && mkdir /mnt/sockets /mnt/kernels /mnt/program || exit 1
kernels=${dirname(kernelImage('long4'))}
program=${QEMU.includes('/') ? dirname(QEMU) : '/mnt/program'}
mount --bind "$directory" /mnt/sockets && mount --bind "$kernels" /mnt/kernels && mount --bind "$program" /mnt/program || exit 1
mount -t tmpfs none /tmp && mkdir -p "$directory" "$kernels" "$program" || exit 1
mount --bind /mnt/sockets "$directory" && mount --bind /mnt/kernels "$kernels" && mount --bind /mnt/program "$program" || exit 1
exec "$@"`;

/** Runs QEMU with a temporary folder of its own, in more namespaces where more words of unshare(1) are given. */
export function withOwnFolders(more = ''): string {
  return `unshare --mount ${more} sh -c '${OWN_TMP}' sh `;
}

/**
 * Writes a program for `launchQemu` that starts QEMU by way of another one.
 *
 * @param before - words of a shell that start QEMU's program, in which `$directory` is where its sockets lie
 */
export async function writeQemuWithin(file: string, before: string): Promise<string> {
  const script = `#!/bin/sh
for word; do case $word in unix:*/qmp.sock,*) socket=\${word#unix:}; directory=\${socket%/qmp.sock,*};; esac; done
export directory
exec ${before} ${QEMU} "$@"
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return file;
}

/** Expects a stub of our own, the guest's device state, and memory of its process. */
export async function expectAll(endpoint: string): Promise<void> {
  const { status, stdout, stderr } = await runPagewalk(['state', '--json', '--qmp', endpoint], {
    PATH: process.env['PATH'] ?? '',
  });
  expect(status, stderr).to.equal(0);
  const state = JSON.parse(stdout);
  expect(state.registers.pkru.source, JSON.stringify(state.registers.pkru)).to.equal('device-state');
  expect(state.memoryAccess.provider, JSON.stringify(state.memoryAccess)).to.equal('host-process');
}
