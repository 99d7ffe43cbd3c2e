import { Btf } from '../../../src/linux/types/btf.ts';

/** Where members are, in bytes: words, structures in a structure, arrays of words. */
export type BuiltMembers = Readonly<Record<string, number | BuiltStructure | BuiltArray>>;

interface BuiltStructure {
  readonly at: number;
  readonly of: BuiltMembers;
}

interface BuiltArray {
  readonly at: number;
  readonly count: number;
}

const KIND = { integer: 1, array: 3, struct: 4 } as const;
const WORD = 1;

/** Type information as a kernel has it (Documentation/bpf/btf.rst), of the structures that a test is about. */
export function buildBtf(structures: Readonly<Record<string, BuiltMembers>>): Btf {
  const types: number[][] = [[0, KIND.integer << 24, 8, 64]];
  let strings = '\0';
  // Each is there once, as the kernel's are.
  const places = new Map<string, number>();
  const nameAt = (name: string): number => {
    const at = places.get(name) ?? strings.length;
    if (!places.has(name)) strings += `${name}\0`;
    places.set(name, at);
    return at;
  };
  const add = (type: number[]): number => types.push(type);
  const addStructure = (name: number, members: BuiltMembers): number => {
    const words = Object.entries(members).map(([member, where]) => {
      const at = typeof where === 'number' ? where : where.at;
      const type =
        typeof where === 'number'
          ? WORD
          : 'of' in where
            ? addStructure(0, where.of)
            : add([0, KIND.array << 24, 0, WORD, WORD, where.count]);
      return [nameAt(member), type, 8 * at];
    });
    return add([name, (KIND.struct << 24) | words.length, 0, ...words.flat()]);
  };
  for (const [name, members] of Object.entries(structures)) addStructure(nameAt(name), members);
  const body = Uint32Array.from(types.flat());
  const header = Uint32Array.of(0x0001_eb9f, 24, 0, body.byteLength, body.byteLength, strings.length);
  const parts = [new Uint8Array(header.buffer), new Uint8Array(body.buffer), Buffer.from(strings, 'latin1')];
  return new Btf(new Uint8Array(Buffer.concat(parts)));
}
