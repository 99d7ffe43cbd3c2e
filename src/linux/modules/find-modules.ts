import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeName } from '../memory/latin-text.ts';
import { u32, word } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';

/** A module that is loaded, and where it is. @internal */
export interface FoundModule {
  readonly name: string;
  /** Its pieces of memory, `end` exclusive. */
  readonly ranges: readonly { readonly first: bigint; readonly end: bigint }[];
  /** Its `mod_kallsyms`; null for a kernel that keeps no symbols of modules. */
  readonly kallsyms: bigint | null;
}

/** What came of going through the list of modules. @internal */
export interface FoundModules {
  readonly modules: readonly FoundModule[];
  /** Why not all are known, in sentences. */
  readonly problems: readonly string[];
}

const MOST_MODULES = 4096;
const NAME_BYTES = 64;
/** A `struct module` has one or two kilobytes. */
const MOST_BYTES = 65_536;
const MOST_RANGES = 16;
/** MODULE_STATE_UNFORMED: it is being set up, and nothing in it counts. */
const UNFORMED = 3;
const UNKNOWN_LIST = 'this kernel keeps the list of its modules in a way that is not known';

interface ModuleLayout {
  readonly list: number;
  readonly name: number;
  readonly state: number;
  readonly kallsyms: number | null;
  readonly ranges: readonly { readonly base: number; readonly size: number }[];
  readonly lengthBytes: number;
}

/**
 * Goes through the list of modules; none for a kernel whose list is not known.
 *
 * @internal
 */
export async function findModules(names: KernelNames, space: AddressSpace): Promise<FoundModules> {
  const { btf, symbols, wordBytes } = names;
  const head = symbols?.addressOf('modules');
  if (btf === null || head === undefined) return { modules: [], problems: [] };
  const layout = moduleLayout(btf, wordBytes);
  if (layout === null) return { modules: [], problems: [UNKNOWN_LIST] };
  const modules: FoundModule[] = [];
  const problems: string[] = [];
  const seen = new Set<bigint>();
  const first = await space.read(head, wordBytes);
  for (let next = first === null ? 0n : word(first, 0, wordBytes); next !== head; ) {
    const bytes = await space.read(next - BigInt(layout.list), layout.lengthBytes);
    if (bytes === null || seen.has(next) || seen.size === MOST_MODULES) {
      problems.push(`the list of modules is damaged after ${seen.size} of them`);
      break;
    }
    seen.add(next);
    next = word(bytes, layout.list, wordBytes);
    if (u32(bytes, layout.state) !== UNFORMED) modules.push(decodeModule(bytes, layout, wordBytes));
  }
  return { modules, problems };
}

function decodeModule(bytes: Uint8Array, layout: ModuleLayout, wordBytes: 4 | 8): FoundModule {
  const { name, kallsyms, ranges } = layout;
  return {
    name: decodeName(bytes, name, name + NAME_BYTES),
    kallsyms: kallsyms === null ? null : word(bytes, kallsyms, wordBytes),
    ranges: ranges.flatMap(({ base, size }) => {
      const start = word(bytes, base, wordBytes);
      const length = u32(bytes, size);
      return start === 0n || length === 0 ? [] : [{ first: start, end: start + BigInt(length) }];
    }),
  };
}

function moduleLayout(btf: Btf, wordBytes: 4 | 8): ModuleLayout | null {
  const at = (path: string): number | undefined => btf.findMember('module', path)?.offsetBytes;
  const [list, name, state] = [at('list'), at('name'), at('state')];
  if (list === undefined || name === undefined || state === undefined) return null;
  const kallsyms = at('kallsyms') ?? null;
  const ranges = rangeLayouts(btf);
  const words = [list, state, kallsyms ?? 0, ...ranges.flatMap(({ base, size }) => [base, size])];
  const lengthBytes = Math.max(name + NAME_BYTES, ...words.map((word) => word + wordBytes));
  return lengthBytes > MOST_BYTES ? null : { list, name, state, kallsyms, ranges, lengthBytes };
}

/** `mem[…]` since 6.4; one layout for what stays and one for what goes before. */
function rangeLayouts(btf: Btf): ModuleLayout['ranges'] {
  const memory = btf.findMember('module', 'mem');
  if (memory === undefined) {
    const base = btf.findMember('module', 'core_layout.base')?.offsetBytes;
    const size = btf.findMember('module', 'core_layout.size')?.offsetBytes;
    return base === undefined || size === undefined ? [] : [{ base, size }];
  }
  const { type, count } = btf.elementOf(memory.type);
  const members = btf.membersOf(btf.resolve(type));
  const base = members.get('base')?.offsetBytes;
  const size = members.get('size')?.offsetBytes;
  if (base === undefined || size === undefined) return [];
  const stride = btf.sizeOf(type);
  return Array.from({ length: Math.min(count, MOST_RANGES) }, (_, index) => {
    const start = memory.offsetBytes + index * stride;
    return { base: start + base, size: start + size };
  });
}
