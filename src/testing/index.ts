export type { AnyAnswer, AskedAccess, GuestAnswer } from './answers/guest-answer.ts';
export type { GuestMap, GuestMapRange } from './answers/guest-map.ts';
export {
  type EntryName,
  expectAccessed,
  expectDirty,
  expectFault,
  expectMapped,
  type FaultExpectation,
  type FaultName,
  type MappedExpectation,
  type RightsText,
} from './assertions/judge-answer.ts';
export {
  expectNone,
  expectNoWritableExecutable,
  expectRights,
  type MapPart,
  type UnwantedPages,
} from './assertions/judge-map.ts';
export { type ExpectOptions, GuestConsole } from './console/guest-console.ts';
export type { ShellOptions, ShellResult } from './console/serial-shell.ts';
export type { GuestConsoleErrorCode, GuestEnd, GuestEndKind, QemuLaunchErrorCode } from './errors.ts';
export {
  CheckpointError,
  ExpectationError,
  GuestConsoleError,
  GuestDiedError,
  GuestRunError,
  GuestShellError,
  QemuLaunchError,
  QemuOptionError,
  TestingError,
} from './errors.ts';
export type { Checkpoint } from './guest/checkpoints.ts';
export type { GuestOptions, UseOptions } from './guest/guest-options.ts';
export { launchGuest } from './guest/launch-guest.ts';
export { LaunchedGuest } from './guest/launched-guest.ts';
export { PausedGuest } from './guest/paused-guest.ts';
export type { GuestStop, RunUntilOptions } from './guest/run-to.ts';
export { defaultQemuBinary, launchQemu } from './qemu/launch-qemu.ts';
export type { KvmProbe, KvmProbeOptions } from './qemu/probe-kvm.ts';
export { probeKvm } from './qemu/probe-kvm.ts';
export type { QemuOptions } from './qemu/qemu-arguments.ts';
export type { QemuExit } from './qemu/qemu-process.ts';
export { QemuProcess } from './qemu/qemu-process.ts';
export { type SharedGuest, type SharedGuestOptions, sharedGuest } from './shared/shared-guest.ts';
export type { TestHook, TestHooks } from './shared/test-hooks.ts';
