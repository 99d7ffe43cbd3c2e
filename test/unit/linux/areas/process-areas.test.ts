import { expect } from 'chai';
import { readProcessAreas } from '../../../../src/linux/areas/process-areas.ts';
import { buildBtf } from '../../../support/linux/build-btf.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

/** As before 6.1: areas in a list. Nothing is known of paths. */
const BTF = buildBtf({
  mm_struct: { mmap: 0, start_brk: 8, brk: 16, start_stack: 24 },
  vm_area_struct: { vm_start: 0, vm_end: 8, vm_next: 16, vm_file: 24, vm_ops: 32, vm_private_data: 40 },
  vm_special_mapping: { name: 0 },
});
const SPECIAL_OPERATIONS = 0x5_0000n;
const names = namesWith(BTF, { special_mapping_vmops: SPECIAL_OPERATIONS });
const MM = 0x1_0000;

/** Each `[first, end, file, operations, private data]`. */
function process(...areas: readonly (readonly [number, number, number, bigint, number])[]): FlatMemory {
  const memory = new FlatMemory();
  const at = (index: number): number => (index === areas.length ? 0 : 0x2_0000 + 48 * index);
  memory.word(MM, at(0), 0x40_0000, 0x40_2000, 0x7fff_0800);
  areas.forEach(([first, end, file, operations, data], index) => {
    memory.word(at(index), first, end, at(index + 1), file, operations, data);
  });
  memory.word(0x6_0000, 0x6_1000);
  memory.text(0x6_1000, '[vdso]');
  return memory;
}

describe('linux/readProcessAreas', () => {
  it('names what the kernel maps itself by its operations: another area may have the same private data', async () => {
    const { space } = process(
      [0x40_0000, 0x40_1000, 0, 0n, 0],
      [0x7000_0000, 0x7000_1000, 0, 0x1234n, 0x6_0000],
      [0x7000_1000, 0x7000_2000, 0, SPECIAL_OPERATIONS, 0x6_0000],
      [0x7fff_0000, 0x7fff_1000, 0, 0n, 0],
    );
    const { areas, problem } = await readProcessAreas(names, space, BigInt(MM));
    expect(areas.map(({ kind, name }) => name ?? kind)).to.deep.equal(['heap', 'anonymous', '[vdso]', 'stack']);
    expect(problem).to.equal(null);
  });

  it('says what is lacking: of kernels with 32 bits, of lists that are damaged, of paths', async () => {
    const file = process([0x1000, 0x2000, 0x9_0000, 0n, 0]);
    expect(await readProcessAreas(names, file.space, BigInt(MM))).to.deep.equal({
      areas: [{ kind: 'file', name: null, first: 0x1000n, last: 0x1fffn }],
      problem: 'paths',
    });
    const damaged = process([0x3000, 0x4000, 0, 0n, 0], [0x1000, 0x2000, 0, 0n, 0]);
    expect(await readProcessAreas(names, damaged.space, BigInt(MM))).to.include({ problem: 'damaged' });
    const narrow = { ...names, wordBytes: 4 } as const;
    expect(await readProcessAreas(narrow, file.space, BigInt(MM))).to.deep.equal({ areas: [], problem: '32-bit' });
    const bare = { ...names, btf: null };
    expect(await readProcessAreas(bare, file.space, BigInt(MM))).to.deep.equal({ areas: [], problem: 'no-types' });
  });
});
