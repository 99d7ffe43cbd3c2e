import { expect } from 'chai';
import { LinuxLookupError } from '../../../../src/linux/errors.ts';
import { Linux } from '../../../../src/linux/linux.ts';
import type { AddressSpace } from '../../../../src/linux/memory/address-space.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

/** An address space of which is known where some addresses lead. */
const leading = (places: Readonly<Record<string, number>>): AddressSpace =>
  ({
    context: { levels: [4, 3, 2, 1] },
    physicalOf: async (address: bigint) => places[`0x${address.toString(16)}`] ?? null,
    readMany: async () => [null, null, null],
  }) as unknown as AddressSpace;
const narrow = (textFirst: bigint) => ({ ...namesWith(null), wordBytes: 4, textFirst }) as const;
const TEXT = 0xffff_ffff_8100_0000n;

describe('linux/directMapFirst', () => {
  it('is where a kernel with 32 bits has split its addresses, by its own text', async () => {
    for (const [first, text] of [
      [0xc000_0000n, 0xc100_0000n],
      [0x8000_0000n, 0x8123_4000n],
      [0x7800_0000n, 0x7900_0000n],
    ] as const) {
      const physical = Number(text - first);
      const linux = new Linux(narrow(text), leading({ [`0x${text.toString(16)}`]: physical }));
      expect(await linux.kernelFirst()).to.equal(first);
      expect(await linux.directMapOf(0x1000n)).to.equal(first + 0x1000n);
      const refused = await expectRejection(linux.directMapOf(0xa000_0000n));
      expect(refused).to.be.instanceOf(LinuxLookupError);
      expect(String(refused)).to.contain('0xa0000000 is high memory');
    }
  });

  it('is not guessed where the text does not tell', async () => {
    for (const space of [leading({}), leading({ '0xc1000000': 0x123_4000 })]) {
      const linux = new Linux(narrow(0xc100_0000n), space);
      expect(await linux.kernelFirst()).to.equal(null);
      expect(String(await expectRejection(linux.directMapOf(0n)))).to.contain('does not say where it maps physical');
    }
  });

  it('is a constant of kernels with 64 bits and without a variable for it, once their text proves it', async () => {
    const names = { ...namesWith(null), textFirst: TEXT };
    const proven = leading({ [`0x${TEXT.toString(16)}`]: 0x200_0000, '0xffff888002000000': 0x200_0000 });
    expect(await new Linux(names, proven).directMapOf(0x5000n)).to.equal(0xffff_8880_0000_5000n);
    const refuted = leading({ [`0x${TEXT.toString(16)}`]: 0x200_0000, '0xffff888002000000': 0x300_0000 });
    expect(await expectRejection(new Linux(names, refuted).directMapOf(0n))).to.be.instanceOf(LinuxLookupError);
    expect(await new Linux(names, refuted).kernelFirst()).to.equal(1n << 63n);
  });

  it('is what the variable says, where there is one', async () => {
    const memory = new FlatMemory();
    memory.word(0x1000, 0xffff_9000_0000_0000n, 0xffff_a000_0000_0000n, 0xffff_b000_0000_0000n);
    const symbols = { page_offset_base: 0x1000n, vmalloc_base: 0x1008n, vmemmap_base: 0x1010n };
    expect(await new Linux(namesWith(null, symbols), memory.space).directMapOf(1n)).to.equal(0xffff_9000_0000_0001n);
  });
});
