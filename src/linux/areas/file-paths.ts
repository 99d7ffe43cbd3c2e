import type { AddressSpace } from '../memory/address-space.ts';
import { decodeBytes } from '../memory/latin-text.ts';
import { u32, word } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';

/** NAME_MAX, and deeper than paths are. */
const LONGEST_NAME = 255;
const MOST_PARTS = 64;

interface PathLayout {
  readonly fileDentry: number;
  readonly fileMount: number;
  readonly parent: number;
  readonly name: number;
  readonly nameLength: number;
  readonly mountRoot: number;
  readonly mount: number;
  readonly mountParent: number;
  readonly mountPoint: number;
}

/** A path that is followed up to the root. */
interface Followed {
  dentry: bigint;
  mount: bigint;
  readonly parts: string[];
}

/**
 * Paths of open files, as seen from the root of all mounts: one flight for each part of the longest, two where a name is kept apart.
 * What cannot be read ends a path where it is.
 *
 * @param files - addresses of `struct file`
 * @internal
 */
export async function readFilePaths(
  files: readonly bigint[],
  btf: Btf,
  space: AddressSpace,
): Promise<ReadonlyMap<bigint, string>> {
  const layout = layoutOf(btf);
  if (layout === null) return new Map();
  const own = await readWords(space, files, [layout.fileDentry, layout.fileMount]);
  const followed = new Map<bigint, Followed>();
  own.forEach((words, at) => {
    const [dentry = 0n, vfsmount = 0n] = words ?? [];
    const file = files[at];
    if (file === undefined || dentry === 0n || vfsmount === 0n) return;
    followed.set(file, { dentry, mount: vfsmount - BigInt(layout.mount), parts: [] });
  });
  for (let part = 0, open = [...followed.values()]; part < MOST_PARTS && open.length > 0; part += 1) {
    open = await followUp(open, layout, space);
  }
  // What is in no folder, such as memfd:x, is shown likewise by /proc/PID/maps.
  return new Map([...followed].map(([file, { parts }]) => [file, `/${parts.reverse().join('/')}`]));
}

function layoutOf(btf: Btf): PathLayout | null {
  const at = (structure: string, member: string): number | undefined => btf.findMember(structure, member)?.offsetBytes;
  const layout = {
    fileDentry: at('file', 'f_path.dentry'),
    fileMount: at('file', 'f_path.mnt'),
    parent: at('dentry', 'd_parent'),
    name: at('dentry', 'd_name.name'),
    nameLength: at('dentry', 'd_name.len'),
    mountRoot: at('vfsmount', 'mnt_root'),
    mount: at('mount', 'mnt'),
    mountParent: at('mount', 'mnt_parent'),
    mountPoint: at('mount', 'mnt_mountpoint'),
  };
  return Object.values(layout).includes(undefined) ? null : (layout as PathLayout);
}

/** Goes up by a part, and across the roots of mounts. @returns those that have not come to their end */
async function followUp(open: readonly Followed[], layout: PathLayout, space: AddressSpace): Promise<Followed[]> {
  const dentries = await space.readMany(
    open.map(({ dentry }) => ({ address: dentry, lengthBytes: Math.max(layout.parent, layout.name) + 8 })),
  );
  const mounts = await readWords(
    space,
    open.map(({ mount }) => mount),
    [layout.mount + layout.mountRoot, layout.mountParent, layout.mountPoint],
  );
  const names = await space.readMany(
    dentries.map((bytes) =>
      bytes === null
        ? { address: 0n, lengthBytes: 0 }
        : {
            address: word(bytes, layout.name, 8),
            lengthBytes: Math.min(u32(bytes, layout.nameLength), LONGEST_NAME),
          },
    ),
  );
  return open.filter((path, at) => {
    const dentry = dentries[at] ?? null;
    const name = names[at] ?? null;
    const [root, mountParent = 0n, mountPoint = 0n] = mounts[at] ?? [];
    if (dentry === null || name === null) return false;
    const parent = word(dentry, layout.parent, 8);
    if (path.dentry === root) {
      if (mountParent === 0n || mountParent === path.mount) return false;
      path.dentry = mountPoint;
      path.mount = mountParent;
      return true;
    }
    path.parts.push(decodeBytes(name, 0, name.length));
    if (parent === path.dentry) return false;
    path.dentry = parent;
    return true;
  });
}

/** Words of structures at some offsets, all in one flight; null where one is not mapped. */
async function readWords(
  space: AddressSpace,
  addresses: readonly bigint[],
  offsets: readonly number[],
): Promise<(readonly bigint[] | null)[]> {
  const lengthBytes = Math.max(...offsets) + 8;
  const read = await space.readMany(addresses.map((address) => ({ address, lengthBytes })));
  return read.map((bytes) => bytes && offsets.map((offset) => word(bytes, offset, 8)));
}
