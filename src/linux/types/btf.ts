import { Effort } from '../effort.ts';
import { LinuxDataError, LinuxLookupError } from '../errors.ts';
import { decodeName, encodeText, findBytes } from '../memory/latin-text.ts';
import { u16, u32 } from '../memory/little-endian.ts';

/** A member of a structure: where it is, and which type it has. @internal */
export interface BtfMember {
  readonly offsetBytes: number;
  readonly type: number;
}

const WHAT = "the kernel's type information (BTF)";
/** The largest structures of kernels that are built for debugging have some hundred kilobytes. */
const MOST_STRUCTURE_BYTES = 1 << 20;
const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
/** More than ten times what the largest kernels have. */
const MOST_TYPES = 4_000_000;
/** Anonymous structures inside of one another, and typedefs of typedefs. */
const MOST_DEPTH = 16;
/** Members that are looked at in all, which is a hundred times what all structures of a kernel have. */
const MOST_MEMBERS = 10_000_000;

/** Kinds of types, as include/uapi/linux/btf.h numbers them. */
const KIND = {
  integer: 1,
  array: 3,
  struct: 4,
  union: 5,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  typeTag: 18,
} as const;
const TRANSPARENT = new Set<number>([KIND.typedef, KIND.volatile, KIND.const, KIND.restrict, KIND.typeTag]);

/** Bytes behind each type's own 12: fixed, and for each of its members. By kind. */
const TAIL_BYTES: readonly (readonly [fixed: number, each: number] | undefined)[] = [
  undefined,
  [4, 0], // INT
  [0, 0], // PTR
  [12, 0], // ARRAY
  [0, 12], // STRUCT
  [0, 12], // UNION
  [0, 8], // ENUM
  [0, 0], // FWD
  [0, 0], // TYPEDEF
  [0, 0], // VOLATILE
  [0, 0], // CONST
  [0, 0], // RESTRICT
  [0, 0], // FUNC
  [0, 8], // FUNC_PROTO
  [4, 0], // VAR
  [0, 12], // DATASEC
  [0, 0], // FLOAT
  [4, 0], // DECL_TAG
  [0, 0], // TYPE_TAG
  [0, 12], // ENUM64
];

/** The type information that a kernel carries (Documentation/bpf/btf.rst): where each member of each structure is. @internal */
export class Btf {
  readonly bytes: Uint8Array;
  readonly #strings: Uint8Array;
  readonly #nameEnd: number;
  /** Where each type is, by its number; there is no type 0. */
  readonly #types: Uint32Array;
  readonly #members = new Map<number, ReadonlyMap<string, BtfMember>>();
  readonly #structures = new Map<string, number | undefined>();
  /** Anonymous structures of anonymous structures can have more members than any machine could list. */
  readonly #effort = new Effort(WHAT, MOST_MEMBERS);

  /** @throws LinuxDataError `ERR_LINUX_DATA` for what is no BTF, or of a kind that is not known. */
  constructor(bytes: Uint8Array) {
    if (bytes.length < HEADER_BYTES || u16(bytes, 0) !== MAGIC)
      throw new LinuxDataError(WHAT, 'it does not begin as BTF does');
    const header = u32(bytes, 4);
    const [typesAt, typeBytes, stringsAt, stringBytes] = [8, 12, 16, 20].map((at) => u32(bytes, at)) as [
      number,
      number,
      number,
      number,
    ];
    const first = header + typesAt;
    const strings = header + stringsAt;
    if (first + typeBytes > bytes.length || strings + stringBytes > bytes.length)
      throw new LinuxDataError(WHAT, 'it ends too early');
    this.bytes = bytes;
    this.#strings = bytes.subarray(strings, strings + stringBytes);
    this.#nameEnd = stringBytes;
    this.#types = placeTypes(bytes, first, first + typeBytes);
  }

  get typeCount(): number {
    return this.#types.length - 1;
  }

  /** The number of the structure of a name; undefined where there is none. */
  structure(name: string): number | undefined {
    if (!this.#structures.has(name)) this.#structures.set(name, this.#findStructure(name));
    return this.#structures.get(name);
  }

  /** Whether anything at all is called so: a type, a member, a value of an enumeration. */
  hasName(name: string): boolean {
    return findBytes(this.#strings, encodeText(`\0${name}\0`)) >= 0;
  }

  #findStructure(name: string): number | undefined {
    // Strings are there once each, and as a whole.
    const nameAt = findBytes(this.#strings, encodeText(`\0${name}\0`)) + 1;
    if (nameAt === 0) return undefined;
    for (let type = 1; type < this.#types.length; type += 1) {
      const at = this.#types[type] as number;
      if (u32(this.bytes, at) === nameAt && this.#kindOf(type) === KIND.struct) return type;
    }
    return undefined;
  }

  /** The members of a structure or union, those of anonymous ones in it too. */
  membersOf(type: number): ReadonlyMap<string, BtfMember> {
    const known = this.#members.get(type);
    if (known !== undefined) return known;
    const members = new Map<string, BtfMember>();
    this.#addMembers(type, 0, members, 0);
    this.#members.set(type, members);
    return members;
  }

  /** The bytes of a structure, or of all elements of an array; 0 for what has no size of its own. */
  sizeOf(type: number): number {
    let element = { type: this.resolve(type), count: 1 };
    let count = 1;
    for (let depth = 0; depth < MOST_DEPTH && this.#kindOf(element.type) === KIND.array; depth += 1) {
      element = this.elementOf(element.type);
      element.type = this.resolve(element.type);
      count *= element.count;
    }
    const kind = this.#kindOf(element.type);
    return kind === KIND.struct || kind === KIND.union || kind === KIND.integer
      ? count * u32(this.bytes, this.#place(element.type) + 8)
      : 0;
  }

  /** What an array is made of; one of itself for anything else. */
  elementOf(type: number): { readonly type: number; readonly count: number } {
    const resolved = this.resolve(type);
    if (this.#kindOf(resolved) !== KIND.array) return { type: resolved, count: 1 };
    const at = this.#place(resolved) + TYPE_BYTES;
    return { type: u32(this.bytes, at), count: u32(this.bytes, at + 8) };
  }

  /** The type behind typedefs and qualifiers. */
  resolve(type: number): number {
    let resolved = type;
    for (let depth = 0; depth < MOST_DEPTH && TRANSPARENT.has(this.#kindOf(resolved)); depth += 1) {
      resolved = u32(this.bytes, this.#place(resolved) + 8);
    }
    return resolved;
  }

  /**
   * Where a member of a structure is: `task_struct`, `mm`; members of members by `a.b`.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP`.
   */
  offsetOf(structure: string, path: string): number {
    const found = this.findMember(structure, path);
    if (found !== undefined) return found.offsetBytes;
    const what = this.structure(structure) === undefined ? `structure ${structure}` : `member ${path} of ${structure}`;
    throw new LinuxLookupError(`${structure}.${path}`, `this kernel has no ${what}`);
  }

  /** The same, undefined where there is none, or where it is further from the beginning than any structure is long. */
  findMember(structure: string, path: string): BtfMember | undefined {
    let type = this.structure(structure);
    let offsetBytes = 0;
    for (const name of path.split('.')) {
      const member = type === undefined ? undefined : this.membersOf(this.resolve(type)).get(name);
      if (member === undefined) return undefined;
      offsetBytes += member.offsetBytes;
      type = member.type;
    }
    return type === undefined || offsetBytes >= MOST_STRUCTURE_BYTES ? undefined : { offsetBytes, type };
  }

  #addMembers(type: number, base: number, members: Map<string, BtfMember>, depth: number): void {
    const kind = this.#kindOf(type);
    if (depth > MOST_DEPTH || (kind !== KIND.struct && kind !== KIND.union)) return;
    const at = this.#place(type);
    const info = u32(this.bytes, at + 4);
    // With the flag bits 31:24 are the width of a bit field.
    const offsetMask = info >>> 31 === 1 ? 0x00ff_ffff : 0xffff_ffff;
    for (let index = 0; index < (info & 0xffff); index += 1) {
      this.#effort.spend(1);
      const member = at + TYPE_BYTES + 12 * index;
      const name = this.#nameAt(u32(this.bytes, member));
      const inner = u32(this.bytes, member + 4);
      const offsetBytes = base + ((u32(this.bytes, member + 8) & offsetMask) >>> 3);
      if (name === '') this.#addMembers(this.resolve(inner), offsetBytes, members, depth + 1);
      else members.set(name, { offsetBytes, type: inner });
    }
  }

  #nameAt(offset: number): string {
    return decodeName(this.#strings, Math.min(offset, this.#nameEnd), this.#nameEnd);
  }

  #kindOf(type: number): number {
    return (u32(this.bytes, this.#place(type) + 4) >>> 24) & 0x1f;
  }

  /** @throws LinuxDataError for a type that is referred to and does not exist. */
  #place(type: number): number {
    const at = type === 0 ? undefined : this.#types[type];
    if (at === undefined) throw new LinuxDataError(WHAT, `it refers to type ${type}, and there are ${this.typeCount}`);
    return at;
  }
}

function placeTypes(bytes: Uint8Array, first: number, end: number): Uint32Array {
  const places = new Uint32Array(Math.min(MOST_TYPES, Math.floor((end - first) / TYPE_BYTES) + 1));
  let count = 1;
  for (let at = first; at + TYPE_BYTES <= end; ) {
    if (count === places.length) throw new LinuxDataError(WHAT, `it has more than ${MOST_TYPES} types`);
    const info = u32(bytes, at + 4);
    const kind = (info >>> 24) & 0x1f;
    const tail = TAIL_BYTES[kind];
    if (tail === undefined) throw new LinuxDataError(WHAT, `type ${count} is of kind ${kind}, which is not known`);
    places[count] = at;
    count += 1;
    at += TYPE_BYTES + tail[0] + tail[1] * (info & 0xffff);
    if (at > end) throw new LinuxDataError(WHAT, `type ${count - 1} reaches beyond the end`);
  }
  return places.slice(0, count);
}
