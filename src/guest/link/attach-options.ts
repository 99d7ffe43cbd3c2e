import type { TraceSink } from '../../../protocols/transport/index.ts';

/** How to attach to a guest. At least one of `qmp` and `gdb` is needed. @public */
export interface AttachOptions {
  /** QMP endpoint. With it alone the GDB stub is found through the monitor, or started and removed again. */
  readonly qmp?: string;
  /** GDB stub endpoint. With it alone the monitor is reached through the stub, and PKRU and PKRS cannot be had. */
  readonly gdb?: string;
  /** For connecting, and for each request. Milliseconds; 5000 unless given. */
  readonly timeoutMs?: number;
  /** Receives everything that travels, both protocols. */
  readonly trace?: TraceSink;
  /** Gives up attaching. */
  readonly signal?: AbortSignal;
  /**
   * Read many pages from this host (a shared backing file, the QEMU process) where that can be had, and is verified. On unless
   * false: then everything goes through the stub.
   */
  readonly hostMemory?: boolean;
  /**
   * A small process that resumes the guest should this one be killed outright. On unless false; a test that boots guests of
   * its own may do without.
   */
  readonly watchdog?: boolean;
}
