import { launchQemu } from './launch-qemu.ts';

/** Whether guests run under KVM here, and if not, why not. @public */
export type KvmProbe = { readonly works: true } | { readonly works: false; readonly reason: string };

/** How KVM is tried. @public */
export interface KvmProbeOptions {
  /** An image that says something on the debug console (port 0xe9) soon after it starts. */
  readonly kernel: string;
  /** Whether this line proves that the guest runs. By default any line does. */
  readonly predicate?: (line: string) => boolean;
  /** For the guest to say it. Milliseconds, default 30000: some hosts only emulate what a guest needs to boot. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const probes = new Map<string, Promise<KvmProbe>>();

/**
 * Runs a guest under KVM to see whether that works: a device file proves nothing, as nested and restricted hosts have one too.
 * The answer for a kernel is kept as long as this process lives.
 *
 * @public
 */
export function probeKvm(options: KvmProbeOptions): Promise<KvmProbe> {
  const known = probes.get(options.kernel);
  if (known !== undefined) return known;
  const probe = runProbe(options);
  probes.set(options.kernel, probe);
  return probe;
}

async function runProbe({ kernel, predicate, timeoutMs }: KvmProbeOptions): Promise<KvmProbe> {
  try {
    await using guest = await launchQemu({ accel: 'kvm', kernel, gdb: false });
    await guest.console.waitForLine(predicate ?? (() => true), timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return { works: true };
  } catch (error) {
    return { works: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
