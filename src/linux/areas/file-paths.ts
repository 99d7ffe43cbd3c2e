import { Effort } from '../effort.ts';
import { LinuxDataError } from '../errors.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeBytes } from '../memory/latin-text.ts';
import type { Btf } from '../types/btf.ts';

/** NAME_MAX, and deeper than paths are. */
const LONGEST_NAME = 255;
const MOST_PARTS = 64;
/** For all paths together: characters of names, and parts that are read. */
const MOST_EFFORT = 16 << 20;
/** What reading a part takes, in characters. */
const PART_EFFORT = 32;
/** `d_name.len` is 32 bits wide. */
const LENGTH_MASK = 0xffff_ffffn;

/** What came of following the paths of files. @internal */
export interface FilePaths {
  /** By the address of the file; what does not lead up to a root is in none. */
  readonly paths: ReadonlyMap<bigint, string>;
  /** All of them lead up to a root. */
  readonly isWhole: boolean;
}

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

/** A dentry as it is seen in a mount. */
interface Place {
  readonly mount: bigint;
  readonly dentry: bigint;
}

/** A place, and what is above it. */
interface Step {
  /** Null at the root of a mount, which is called as the place that it is mounted at. */
  readonly name: string | null;
  /** Null at a root. */
  readonly above: Place | null;
}

const keyOf = ({ mount, dentry }: Place): string => `${mount}:${dentry}`;

/**
 * Paths of open files, as seen from the root of all mounts: some flights for each part of the longest. A path that does not lead up
 * to a root is none: what is cut off would look like a path from there.
 *
 * @param files - addresses of `struct file`
 * @internal
 */
export async function readFilePaths(files: readonly bigint[], btf: Btf, space: AddressSpace): Promise<FilePaths> {
  const layout = layoutOf(btf);
  if (layout === null) return { paths: new Map(), isWhole: files.length === 0 };
  const own = await space.readWords(files, [layout.fileDentry, layout.fileMount], 8);
  const places = own.map((words): Place | null => {
    const [dentry = 0n, vfsmount = 0n] = words ?? [];
    return dentry === 0n || vfsmount === 0n ? null : { dentry, mount: vfsmount - BigInt(layout.mount) };
  });
  const effort = new Effort('paths of files', MOST_EFFORT);
  const paths = new Map<bigint, string>();
  try {
    const steps = await readSteps(places, layout, space, effort);
    places.forEach((place, at) => {
      const path = place && pathOf(place, steps, effort);
      const file = files[at];
      if (path !== null && file !== undefined) paths.set(file, path);
    });
  } catch (error) {
    if (!(error instanceof LinuxDataError)) throw error;
  }
  return { paths, isWhole: paths.size === files.length };
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

/** Everything on the way up from some places, each once: files lie in few folders. */
async function readSteps(
  places: readonly (Place | null)[],
  layout: PathLayout,
  space: AddressSpace,
  effort: Effort,
): Promise<ReadonlyMap<string, Step | null>> {
  const steps = new Map<string, Step | null>();
  let next = places;
  for (let part = 0; part < MOST_PARTS; part += 1) {
    const open: Place[] = [];
    for (const place of next) {
      if (place === null || steps.has(keyOf(place))) continue;
      // Until it is read, and where a loop leads back to it.
      steps.set(keyOf(place), null);
      open.push(place);
    }
    if (open.length === 0) break;
    effort.spend(PART_EFFORT * open.length);
    const read = await readLevel(open, layout, space);
    open.forEach((place, at) => {
      steps.set(keyOf(place), read[at] ?? null);
    });
    next = read.map((step) => step?.above ?? null);
  }
  return steps;
}

/** A step up from each of some places; null where it leads nowhere. */
async function readLevel(
  open: readonly Place[],
  layout: PathLayout,
  space: AddressSpace,
): Promise<readonly (Step | null)[]> {
  const dentries = await space.readWords(
    open.map(({ dentry }) => dentry),
    [layout.parent, layout.name, layout.nameLength],
    8,
  );
  const mounts = await space.readWords(
    open.map(({ mount }) => mount),
    [layout.mount + layout.mountRoot, layout.mountParent, layout.mountPoint],
    8,
  );
  const names = await space.readMany(
    dentries.map((words) => {
      const [, address = 0n, length = 0n] = words ?? [];
      const lengthBytes = Number(length & LENGTH_MASK);
      return lengthBytes > LONGEST_NAME ? { address: 0n, lengthBytes: 0 } : { address, lengthBytes };
    }),
  );
  return open.map(({ dentry, mount }, at): Step | null => {
    const name = names[at] ?? null;
    const [parent] = dentries[at] ?? [];
    const [root, mountParent = 0n, mountPoint = 0n] = mounts[at] ?? [];
    if (parent === undefined || root === undefined) return null;
    // As prepend_path() goes (fs/d_path.c): the mount that is its own parent is the root of all.
    if (dentry === root) {
      return { name: null, above: mountParent === mount ? null : { mount: mountParent, dentry: mountPoint } };
    }
    if (name === null || name.length === 0) return null;
    // What is in no folder, such as memfd:x, is shown likewise by /proc/PID/maps.
    const above = parent === dentry ? null : { mount, dentry: parent };
    return { name: decodeBytes(name, 0, name.length), above };
  });
}

/** @returns null where it does not lead up to a root */
function pathOf(from: Place, steps: ReadonlyMap<string, Step | null>, effort: Effort): string | null {
  const parts: string[] = [];
  let place = from;
  for (let part = 0; part < MOST_PARTS; part += 1) {
    const step = steps.get(keyOf(place)) ?? null;
    effort.spend(1 + (step?.name?.length ?? 0));
    if (step === null) return null;
    if (step.name !== null) parts.push(step.name);
    if (step.above === null) return `/${parts.reverse().join('/')}`;
    place = step.above;
  }
  return null;
}
