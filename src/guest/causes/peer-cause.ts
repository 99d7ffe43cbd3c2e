/** Why it is not known which process holds the other end of a connection to QEMU. @public */
export type PeerCause =
  | { readonly code: 'not-linux' }
  /** The stub is yet to be connected. */
  | { readonly code: 'not-connected' }
  | { readonly code: 'behind-command'; readonly endpoint: string }
  /** The helper on another host does not see it. */
  | { readonly code: 'unseen-there'; readonly endpoint: string; readonly message: string }
  | { readonly code: 'proc-unreadable'; readonly endpoint: string; readonly message: string }
  | { readonly code: 'not-on-this-host'; readonly endpoint: string }
  | { readonly code: 'too-many-processes' }
  | { readonly code: 'several-holders'; readonly endpoint: string; readonly pids: readonly number[] }
  | { readonly code: 'foreign-connection'; readonly endpoint: string; readonly pid: number }
  /** The process runs a program with rights of its own, into which its user may not look. */
  | { readonly code: 'closed-to-its-user'; readonly pid: number }
  | { readonly code: 'process-changed'; readonly pid: number }
  | { readonly code: 'no-socket-file' }
  /** FUSE, NFS, 9p: such a file system says what it likes. */
  | { readonly code: 'untrusted-file-system'; readonly endpoint: string }
  | { readonly code: 'ambiguous-sockets' }
  | { readonly code: 'only-listens'; readonly endpoint: string; readonly pid: number }
  | { readonly code: 'namesake'; readonly path: string }
  | { readonly code: 'qemu-of-another-user'; readonly endpoint: string; readonly pid: number }
  /** A proxy; null where its program is not known. */
  | {
      readonly code: 'held-by-program';
      readonly endpoint: string;
      readonly program: string | null;
      readonly pid: number;
    }
  | { readonly code: 'no-qemu-seen'; readonly endpoint: string; readonly isRoot: boolean };

/** Why the stub that QEMU names is not proven to be its own. @public */
export type StubCause = PeerCause | { readonly code: 'does-not-listen'; readonly pid: number };
