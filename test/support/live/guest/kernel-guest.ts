import { fileURLToPath } from 'node:url';
import {
  type KvmProbe,
  launchQemu,
  probeKvm,
  type QemuOptions,
  type QemuProcess,
} from '../../../../src/testing/index.ts';
import { KERNELS } from '../../../kernels/manifests/kernels.ts';
import type { KernelName } from '../../../kernels/manifests/manifest.ts';

/** Seen from dist/test/support/live/guest, where this file runs. */
const KERNELS_DIRECTORY = new URL('../../../../kernels/', import.meta.url);

/** The file of a kernel, or of another image built into dist/kernels. */
export function kernelImage(name: KernelName | 'rom'): string {
  const file = name === 'rom' ? 'rom.bin' : KERNELS[name].image;
  return fileURLToPath(new URL(file, KERNELS_DIRECTORY));
}

/** The options of a guest whose firmware has a page table in its first page (`pagesWithRom` of the manifest). */
export function withRom(options: QemuOptions = {}): QemuOptions {
  return { ...options, extraArgs: ['-bios', kernelImage('rom'), ...(options.extraArgs ?? [])] };
}

/**
 * Starts a kernel with a CPU that has everything, and waits until it is ready. By `launchQemu`, as nothing but the client under test
 * may be there: `launchGuest` is a client too, with monitors of its own, which holds the stub and keeps the guest at its end.
 */
export async function launchKernel(name: KernelName, options: QemuOptions = {}): Promise<QemuProcess> {
  // A triple fault ends QEMU and so the wait, instead of starting over for ever.
  const extraArgs = ['-no-reboot', ...(options.extraArgs ?? [])];
  const waiting = { ready: new RegExp(`^ready ${name}$`), failOn: /^(ready|fail|exception) / };
  return launchQemu({ cpu: 'max', accel: 'tcg', ...options, kernel: kernelImage(name), ...waiting, extraArgs });
}

/** A KVM that runs this kernel has it ready in much less than a second; one that does not mostly never says so. */
const KVM_TIMEOUT_MS = 5000;

/** Whether KVM runs a kernel of ours here. */
export function probeKvmWith(name: KernelName): Promise<KvmProbe> {
  const predicate = (line: string): boolean => line === `ready ${name}`;
  return probeKvm({ kernel: kernelImage(name), predicate, timeoutMs: KVM_TIMEOUT_MS });
}
