import type { TcpRow, UnixSocket } from '../peer/socket-tables.ts';

/**
 * What is seen of a host's processes to find its QEMUs: of this one while it is looked for, or of another one, as a helper there has seen it.
 * Nothing is connected to.
 *
 * @internal
 */
export interface HostLook {
  /** There was no time to look at everything. */
  readonly isIncomplete: boolean;
  /** All that may be QEMUs, at least. */
  processes(): readonly number[];
  /** The program of a process; undefined where that may not be seen. */
  executable(pid: number): string | undefined;
  /** The words of its command line; undefined where it has none or is gone. */
  words(pid: number): readonly string[] | undefined;
  /** Undefined where it is gone. */
  user(pid: number): number | undefined;
  /** The name that this host has for a user. */
  userName(uid: number): string | null;
  /** `/proc/PID/cgroup`, `/proc/PID/status`; empty where it is gone. */
  text(pid: number, file: 'cgroup' | 'status'): string;
  /** `net:[4026531840]`; empty where it may not be seen. */
  namespace(pid: number | 'self', kind: string): string;
  /** Whether it has a virtual machine of KVM's open; undefined where its descriptors may not be seen. */
  usesKvm(pid: number): boolean | undefined;
  /** The sockets that it has open, by inode, each with a descriptor of it. */
  sockets(pid: number): ReadonlyMap<number, number>;
  /** The tables of its network namespace. @throws the system's error where it is gone */
  unixSockets(pid: number | 'self'): readonly UnixSocket[];
  tcpSockets(pid: number | 'self'): readonly TcpRow[];
  /** The other ends of connected unix sockets, by inode. */
  otherEnds(): ReadonlyMap<number, number>;
  /** The first process that has one of these sockets open. */
  holder(inodes: readonly number[]): number | undefined;
  /** The socket of that name, as `DEVICE:INODE`, if there is one. */
  socketAt(path: string): string | undefined;
  /** A configuration file that it names; undefined where it is not for us to read. */
  configuration(pid: number, uid: number, path: string): string | undefined;
  /** A file of libvirt's own; undefined where it is not there, null where it may not be read. */
  record(path: string): string | undefined | null;
  /** Whether the sessions of this user are those of who looks. */
  isOwnUser(uid: number): boolean;
  /** How one reaches it from here. */
  endpoint(target: { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number }): string;
  /** The endpoint of a libvirt domain there; null where none is known. */
  domainEndpoint(uri: string, domain: string): string | null;
}
