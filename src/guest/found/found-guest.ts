/** What a socket of a QEMU is for, where its command line or its configuration file says so. @internal */
export type ChannelPurpose = 'qmp' | 'hmp' | 'gdb' | 'unknown';

/** A process that holds the other end of a connection. @internal */
export interface ChannelHolder {
  readonly pid: number;
  /** The name of its program; null where this process may not see it. */
  readonly program: string | null;
}

/** A socket that a QEMU listens at, or says that it does. @internal */
export interface FoundChannel {
  readonly purpose: ChannelPurpose;
  /** How it is reached from here; null where it is not, or by no means that is known. */
  readonly endpoint: string | null;
  /** As the process has it: a path in its own root, a host and port, a descriptor. Untrusted text. */
  readonly address: string;
  /** `absent`: the process has no such socket (any more). `unknown`: this process may not see it. */
  readonly state: 'free' | 'held' | 'absent' | 'unknown';
  /** Its client, where it is seen. */
  readonly holder: ChannelHolder | null;
}

/** The libvirt that manages a guest. @internal */
export interface FoundDomain {
  readonly uri: string;
  readonly domain: string;
  /** libvirt's own record names this process; else the process says so of itself. */
  readonly isProven: boolean;
}

/**
 * A QEMU of this host, without having connected to anything. What its command line says (name, machine, addresses) is the process's own
 * word: anyone may start a process that says anything. What the kernel says is marked as such.
 *
 * @internal
 */
export interface FoundGuest {
  readonly pid: number;
  /** `-name`; null without one. Untrusted. */
  readonly name: string | null;
  /** By the kernel. */
  readonly uid: number;
  /** By this host's list of users; null where it has no such user. */
  readonly user: string | null;
  /** The name of the program, by the kernel where this process may see it. */
  readonly program: string;
  /** By QEMU's open descriptors where they can be seen (`kvm`), else by its command line; null where that leaves it open. */
  readonly accelerator: string | null;
  /** `-machine`; null for QEMU's default. Untrusted. */
  readonly machine: string | null;
  readonly libvirt: FoundDomain | null;
  /** The container that it is in, by its control group: `docker 0123456789ab`. */
  readonly container: string | null;
  /** In which it is not with this process: `mnt`, `net`, `pid`, `user`; empty where that cannot be seen. */
  readonly otherNamespaces: readonly string[];
  /** Its process id in its own PID namespace, where that is another one. */
  readonly innerPid: number | null;
  readonly channels: readonly FoundChannel[];
  /** What reaches it: one of both, or none. */
  readonly reach: { readonly qmp: string } | { readonly gdb: string } | null;
}
