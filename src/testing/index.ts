export type { GuestConsoleErrorCode, QemuLaunchErrorCode } from './errors.ts';
export { GuestConsoleError, QemuLaunchError, QemuOptionError, TestingError } from './errors.ts';
export { GuestConsole } from './guest-console.ts';
export { defaultQemuBinary, launchQemu } from './launch-qemu.ts';
export type { KvmProbe, KvmProbeOptions } from './probe-kvm.ts';
export { probeKvm } from './probe-kvm.ts';
export type { QemuOptions } from './qemu-arguments.ts';
export type { QemuExit } from './qemu-process.ts';
export { QemuProcess } from './qemu-process.ts';
