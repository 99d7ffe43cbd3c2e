import { expect } from 'chai';
import { readKernelAreas } from '../../../../src/linux/areas/kernel-areas.ts';
import type { AddressSpace } from '../../../../src/linux/memory/address-space.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

const SYMBOLS = { page_offset_base: 0x1000n, vmalloc_base: 0x1008n, vmemmap_base: 0x1010n };

describe('linux/readKernelAreas', () => {
  for (const [levels, vmemmap, last] of [
    [4, 0xffff_ea00_0000_0000n, 0xffff_eaff_ffff_ffffn],
    [5, 0xffd4_0000_0000_0000n, 0xffd5_ffff_ffff_ffffn],
    // As KASLR moved it, where its whole place without KASLR would reach over the kernel's own image.
    [5, 0xfffe_8000_0000_0000n, 0xffff_fdff_ffff_ffffn],
  ] as const) {
    it(`ends vmemmap at 0x${last.toString(16)} with ${levels} levels, if it begins at 0x${vmemmap.toString(16)}`, async () => {
      const memory = new FlatMemory();
      memory.word(0x1000, 0xff11_0000_0000_0000n, 0xffa0_0000_0000_0000n, vmemmap);
      const context = { levels: Array.from({ length: levels }, (_, at) => levels - at) };
      const readMany = memory.space.readMany.bind(memory.space);
      const space = { context, readMany } as unknown as AddressSpace;
      const layers = await readKernelAreas(namesWith(null, SYMBOLS), space, []);
      const found = layers.flat().find(({ kind }) => kind === 'vmemmap');
      expect(found).to.deep.equal({ kind: 'vmemmap', name: null, first: vmemmap, last });
    });
  }
});
