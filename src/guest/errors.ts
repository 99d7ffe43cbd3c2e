/**
 * What can go wrong between the protocols and the walks.
 *
 * ```
 * GuestError
 *  ├─ GuestArchitectureError  ERR_GUEST_ARCHITECTURE   the guest is not x86
 *  ├─ GuestCpuError           ERR_GUEST_CPU            no such vCPU
 *  ├─ GuestStubError                                   the GDB stub is unavailable:
 *  │                          ERR_GUEST_STUB_BUSY      another debugger holds it
 *  │                          ERR_GUEST_STUB_START     QEMU would not start one
 *  │                          ERR_GUEST_STUB_UNREACHABLE  it listens where this host cannot reach it
 *  ├─ GuestRunStateError                               pausing and resuming:
 *  │                          ERR_GUEST_NOT_PAUSED     QEMU would not pause
 *  │                          ERR_GUEST_RESUMED        another client resumed the guest in the middle
 *  │                          ERR_GUEST_NOT_RESTORED   the guest could not be left as it was found
 *  ├─ GuestMemoryError        ERR_GUEST_MEMORY         this host does not have the guest's memory, and it was needed
 *  ├─ GuestAccessError        ERR_GUEST_ACCESS         bytes of guest memory that are not to be read, or not to be written
 *  ├─ GuestStateError         ERR_GUEST_STATE          QEMU's answer about the machine makes no sense
 *  └─ GuestUsageError         ERR_GUEST_USAGE          the library was asked for something impossible
 * ```
 *
 * Errors of the connection itself are those of `pagewalk/qmp` and `pagewalk/gdb`, untouched.
 *
 * @packageDocumentation
 */

import { escapeLines } from '../../protocols/transport/internal.ts';
import { formatHex } from '../paging/index.ts';
import type { MemoryCause } from './causes/memory-cause.ts';
import type { StubCause } from './causes/peer-cause.ts';
import type { SourceName } from './source-names.ts';

/** Root of this layer's errors. @public */
export abstract class GuestError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;

  /** @param message - may quote a peer, a file or a child process: it is made printable here */
  constructor(message: string, options?: ErrorOptions) {
    super(escapeLines(message), options);
  }
}

/** The guest's processor is not x86. @public */
export class GuestArchitectureError extends GuestError {
  override readonly name = 'GuestArchitectureError';
  readonly code = 'ERR_GUEST_ARCHITECTURE';
  /** QEMU's name of the target: `aarch64`. */
  readonly architecture: string;

  constructor(architecture: string, endpoint: string) {
    super(`the guest behind ${endpoint} is ${architecture}; only x86 guests (x86_64, i386) can be walked`);
    this.architecture = architecture;
  }
}

/** The vCPU asked for does not exist. @public */
export class GuestCpuError extends GuestError {
  override readonly name = 'GuestCpuError';
  readonly code = 'ERR_GUEST_CPU';
  readonly cpu: number;
  /** The numbers of those that exist: after a hot-plug they may have gaps. */
  readonly cpus: readonly number[];

  constructor(cpu: number, cpus: readonly number[]) {
    super(`there is no vCPU ${cpu}: this guest has ${listCpus(cpus)}`);
    this.cpu = cpu;
    this.cpus = cpus;
  }
}

/** @throws GuestCpuError `ERR_GUEST_CPU`. @internal */
export function requireCpu(cpu: number, cpus: readonly number[]): void {
  if (!cpus.includes(cpu)) throw new GuestCpuError(cpu, cpus);
}

function listCpus(cpus: readonly number[]): string {
  const [first, ...others] = cpus;
  if (first === undefined) return 'none';
  const last = others.pop();
  if (last === undefined) return `only vCPU ${first}`;
  if (last - first === cpus.length - 1) return `vCPUs ${first} to ${last}`;
  return `vCPUs ${[first, ...others].join(', ')} and ${last}`;
}

/** @public */
export type GuestStubErrorCode = 'ERR_GUEST_STUB_BUSY' | 'ERR_GUEST_STUB_START' | 'ERR_GUEST_STUB_UNREACHABLE';

/** The GDB stub is unavailable. Nothing was touched. @public */
export class GuestStubError extends GuestError {
  override readonly name = 'GuestStubError';
  readonly code: GuestStubErrorCode;
  /** The stub, as QEMU names it. */
  readonly stub: string;
  /** Why it is not proven that QEMU listens there, where that is what is wrong. */
  readonly unproven: StubCause | undefined;

  constructor(
    code: GuestStubErrorCode,
    stub: string,
    message: string,
    { unproven, ...options }: ErrorOptions & { readonly unproven?: StubCause } = {},
  ) {
    super(message, options);
    this.code = code;
    this.stub = stub;
    this.unproven = unproven;
  }
}

/** @public */
export type GuestRunStateErrorCode =
  | 'ERR_GUEST_NOT_PAUSED'
  | 'ERR_GUEST_RESUMED'
  | 'ERR_GUEST_NOT_RESTORED'
  | 'ERR_GUEST_PAUSE_TOO_LONG'
  | 'ERR_GUEST_MIGRATING';

/** The guest's run state is not what it was meant to be. @public */
export class GuestRunStateError extends GuestError {
  override readonly name = 'GuestRunStateError';
  readonly code: GuestRunStateErrorCode;

  constructor(code: GuestRunStateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A way to the guest's memory that was tried, and why it is not used. @public */
export interface MemoryAttempt {
  readonly provider: SourceName;
  readonly cause: MemoryCause;
}

/** Guest memory that nothing but this host can show was needed, and this host does not have it. @public */
export class GuestMemoryError extends GuestError {
  override readonly name = 'GuestMemoryError';
  readonly code = 'ERR_GUEST_MEMORY';
  readonly attempts: readonly MemoryAttempt[];

  constructor(problem: string, attempts: readonly MemoryAttempt[]) {
    super(`${problem}. This host does not have guest memory at hand`);
    this.attempts = attempts;
  }
}

/** What was to be done with bytes of guest memory. @public */
export interface GuestAccess {
  readonly operation: 'read' | 'write';
  /** Which kind of address it is. */
  readonly space: 'virtual' | 'physical';
  readonly address: bigint;
  readonly lengthBytes: number;
  /** The first address, of that kind, at which it cannot be done. */
  readonly problemAddress: bigint;
}

/** Bytes of guest memory that cannot be read, or written: nothing was written then. @public */
export class GuestAccessError extends GuestError {
  override readonly name = 'GuestAccessError';
  readonly code = 'ERR_GUEST_ACCESS';
  readonly access: GuestAccess;

  constructor(access: GuestAccess, reason: string, options?: ErrorOptions) {
    const { operation, space, address, lengthBytes } = access;
    const done = operation === 'read' ? 'read' : 'written';
    const bytes = lengthBytes === 1 ? '1 byte' : `${lengthBytes} bytes`;
    super(`${bytes} at ${space} address ${formatHex(address)} cannot be ${done}: ${reason}`, options);
    this.access = access;
  }
}

/** QEMU's answer about the machine makes no sense, or lacks what a walk needs. @public */
export class GuestStateError extends GuestError {
  override readonly name = 'GuestStateError';
  readonly code = 'ERR_GUEST_STATE';
}

/** The library was asked for something that cannot be. @public */
export class GuestUsageError extends GuestError {
  override readonly name = 'GuestUsageError';
  readonly code = 'ERR_GUEST_USAGE';
  /** A name that is not known, and those that are; undefined when the question is wrong in another way. */
  readonly unknown: UnknownName | undefined;

  constructor(message: string, { unknown, ...options }: ErrorOptions & { readonly unknown?: UnknownName } = {}) {
    super(message, options);
    this.unknown = unknown;
  }
}

/** A name that is not known, and those that are. @public */
export interface UnknownName {
  readonly given: string;
  readonly known: readonly string[];
}
