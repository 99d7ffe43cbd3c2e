/**
 * Everything that values and bytes of a guest come from, by the names that answers give them. This is the one list: a new source
 * adds its name here.
 *
 * @public
 */
export type SourceName =
  /** QEMU's GDB stub. */
  | 'gdb-stub'
  /** QEMU's monitor, in text. */
  | 'monitor'
  /** A property of an object of QEMU's. */
  | 'qom'
  /** What QEMU saves of its devices. */
  | 'device-state'
  /** A file of this host that backs guest memory. */
  | 'host-file'
  /** The memory of the QEMU process. */
  | 'host-process'
  /** A dump of the guest: what it holds, and what follows from that. */
  | 'dump'
  /** A file of registers beside a dump. */
  | 'registers-file'
  /** The program that made the source. */
  | 'caller';
