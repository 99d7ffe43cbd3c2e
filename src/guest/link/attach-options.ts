import type { AbandonSignal, TraceSink } from '../../../protocols/transport/index.ts';

/** How long a connection or an answer may take. Milliseconds. @internal */
export const DEFAULT_TIMEOUT_MS = 5000;

/**
 * What is asked of a guest before its first pause, so that this is short, unless it is known not to be needed. A question that does need it
 * asks then.
 *
 * @internal
 */
export interface Unneeded {
  /** Where this host has the guest's memory: few pages are read, through the stub. */
  readonly hostMemory?: boolean;
  /** What saving the device state depends on: registers that no stub shows decide nothing. */
  readonly deviceState?: boolean;
}

/** How to attach to a guest. At least one of `qmp` and `gdb` is needed. @public */
export interface AttachOptions {
  /** QMP endpoint. With it alone the GDB stub is found through the monitor, or started and removed again. */
  readonly qmp?: string;
  /** GDB stub endpoint. With it alone the monitor is reached through the stub, and PKRU and PKRS are unavailable. */
  readonly gdb?: string;
  /** For connecting, and for each request. Milliseconds; 5000 unless given. */
  readonly timeoutMs?: number;
  /**
   * The longest pause: when it is over the guest is resumed, whatever a question is doing, and the question fails with
   * `ERR_GUEST_PAUSE_TOO_LONG`. A guest that had been paused before has none. Milliseconds; 5000 unless given, `Infinity` for none.
   */
  readonly maxPauseMs?: number;
  /** Receives everything that travels, both protocols. */
  readonly trace?: TraceSink;
  /** Stops attaching. */
  readonly signal?: AbandonSignal;
  /**
   * Read many pages from this host (a shared backing file, the QEMU process) where that is possible, and is verified. On unless
   * false: then everything goes through the stub.
   */
  readonly hostMemory?: boolean;
  /**
   * A small process that resumes the guest should this one be killed outright, and a journal for the case that both are. On
   * unless false; a test that boots guests of its own may do without. Where it is on but unavailable, as in a bundle,
   * `process.emitWarning` says so before the guest is paused.
   */
  readonly watchdog?: boolean;
  /**
   * Allows `writePhysical` and `writeVirtual` of a view. Off unless true: attaching promises to change nothing but accessed and
   * dirty bits that were asked for.
   */
  readonly allowWrites?: boolean;
  /** The process that is meant: another QEMU that answers is not paused. @internal */
  readonly process?: number;
  /** What the questions that come hardly need, and the guest is therefore not asked about beforehand. @internal */
  readonly unneeded?: Unneeded;
  /** Connections do not keep this process alive while nothing is asked. Off unless true. */
  readonly background?: boolean;
  /**
   * Lets the watchdog kill this process when a pause lasts three seconds longer than `maxPauseMs`: suspended, or busy for ever, it
   * would hold the monitor and keep the guest paused. For programs that do nothing else, as the command. Off unless true.
   */
  readonly endWhenStuck?: boolean;
}
