import { statfsSync } from 'node:fs';

/**
 * File systems on which only the kernel says whom a file belongs to, and that hold files alone: statfs(2). Those that a user or another
 * machine serves (FUSE, NFS, 9p) say what they like, and what lies in procfs and its like is the kernel's answer to who reads it.
 */
const TRUSTED = new Set([
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0xef53, // ext2 to ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xf2f52010, // F2FS
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0x794c7630, // overlayfs
]);

/** @internal */
export function isOnTrustedFileSystem(path: string): boolean {
  return TRUSTED.has(statfsSync(path).type);
}
