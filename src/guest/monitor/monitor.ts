import type { InfoRegisters } from '../../../protocols/qmp/index.ts';
import type { QemuVersion } from '../../paging/index.ts';

/** The monitor command that shows the memory map. @internal */
export const FLAT_VIEWS = 'info mtree -f';

/**
 * What the guest layer asks of QEMU's monitor, whichever way it is reached: a QMP socket, or the GDB stub's `qRcmd` when there
 * is no QMP.
 *
 * @internal
 */
export interface Monitor {
  /** For messages. */
  readonly endpoint: string;
  /** A human-monitor command; its text with `\n` line ends. QEMU's refusals are text too. */
  hmp(command: string): Promise<string>;
  /** `info registers` of one vCPU. */
  registers(cpu: number): Promise<InfoRegisters>;
  /** A property of a QOM object; undefined when the object has none of that name. */
  qomGet(path: string, property: string): Promise<string | number | boolean | undefined>;
  /** The vCPUs, by index, each with its QOM path. */
  listCpus(): Promise<readonly MonitorCpu[]>;
  qemuVersion(): Promise<QemuVersion>;
  /** Whether guests run under KVM; undefined when the monitor does not say so in a form we know. */
  usesKvm(): Promise<boolean | undefined>;
  /** `x86_64`, `i386`, `aarch64`, …; undefined when the monitor cannot tell. */
  target(): Promise<string | undefined>;
  /** Asks beforehand, while the guest runs, for what `saveDeviceState` must know of the machine. */
  readonly prepareDeviceState?: () => Promise<void>;
  /**
   * Has QEMU write its device state into a file of its host; absent where the monitor has no such command. The guest is paused.
   *
   * @param hmp - takes commands sooner than this monitor does, where there is such a way
   * @throws DeviceStateObstacle when QEMU or the guest may come to harm; nothing was done then.
   */
  readonly saveDeviceState?: (file: string, hmp?: Monitor['hmp']) => Promise<void>;
}

/** @internal */
export interface MonitorCpu {
  readonly index: number;
  /** Undefined when the monitor does not show it. */
  readonly qomPath: string | undefined;
  /** Host thread, where known and where it means something. */
  readonly threadId: number | undefined;
}
