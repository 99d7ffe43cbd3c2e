import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { AbandonSignal } from '../../../protocols/transport/index.ts';
import { QemuOptionError } from '../errors.ts';
import type { QemuOptions } from '../qemu/qemu-arguments.ts';

/** How a test waits for something of its guest. @public */
export interface UseOptions {
  /** Ends the wait with its reason. */
  readonly signal?: AbandonSignal;
}

/** What kind of guest a test wants. Whatever is left out is QEMU's own default, except where it says otherwise. @public */
export interface GuestOptions
  extends Pick<
    QemuOptions,
    | 'kernel'
    | 'initrd'
    | 'append'
    | 'memory'
    | 'smp'
    | 'machine'
    | 'serial'
    | 'debugcon'
    | 'gdb'
    | 'startTimeoutMs'
    | 'ready'
    | 'failOn'
    | 'readyTimeoutMs'
    | 'signal'
  > {
  /** `-cpu`; `max` unless given. */
  readonly cpu?: string;
  /** `-accel`, for instance `kvm`; `tcg` unless given. */
  readonly accel?: string;
  /** QEMU's program; the environment variable `PAGEWALK_QEMU`, and without it `qemu-system-x86_64`, unless given. */
  readonly qemu?: string;
  /** More arguments for QEMU, put at the end as they are. */
  readonly args?: readonly string[];
  /** `-S`: the vCPUs do not start until {@link LaunchedGuest.resume}. */
  readonly paused?: boolean;
  /**
   * A folder for what a failure is explained by: where something fails, the guest's console, what travelled over the wire, `state` and
   * `map` as JSON are put into a folder of their own in it.
   */
  readonly artifacts?: string;
}

/** The compiler sees to it that none is missing. */
const KNOWN: Readonly<Record<keyof GuestOptions, true>> = {
  ...{ kernel: true, initrd: true, append: true, memory: true, smp: true, machine: true, serial: true, debugcon: true },
  ...{ gdb: true, startTimeoutMs: true, ready: true, failOn: true, readyTimeoutMs: true, signal: true, cpu: true },
  ...{ accel: true, qemu: true, args: true, paused: true, artifacts: true },
};

/** @throws QemuOptionError `ERR_TESTING_OPTION` for an option that there is none of, as plain JavaScript may give. @internal */
export function requireKnown(options: GuestOptions): void {
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(KNOWN, name));
  if (unknown.length === 0) return;
  throw new QemuOptionError(
    `launchGuest() has no option ${unknown.join(', ')}; it has ${Object.keys(KNOWN).sort().join(', ')}`,
  );
}

/** @throws QemuOptionError `ERR_TESTING_OPTION` for a file that cannot be read: QEMU would say so in words of its own. @internal */
export async function requireFiles({ kernel, initrd }: GuestOptions): Promise<void> {
  for (const [name, path] of Object.entries({ kernel, initrd })) {
    if (path === undefined) continue;
    try {
      await access(path, constants.R_OK);
    } catch (cause) {
      const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
      throw new QemuOptionError(`the ${name} ${JSON.stringify(path)} cannot be read (${why})`, { cause });
    }
  }
}

/** @internal */
export function toQemuOptions(options: GuestOptions): QemuOptions {
  const { qemu, args, artifacts: _, ready: __, cpu = 'max', accel = 'tcg', ...same } = options;
  return {
    ...same,
    ...(qemu === undefined ? {} : { binary: qemu }),
    ...(args === undefined ? {} : { extraArgs: args }),
    ...{ cpu, accel, holdAtEnd: true },
    // A guest may come to its end within its first millisecond: it starts when its end would be heard of.
    paused: true,
  };
}
