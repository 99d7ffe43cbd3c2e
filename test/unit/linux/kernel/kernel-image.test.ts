import { expect } from 'chai';
import { findKernel } from '../../../../src/linux/kernel/kernel-image.ts';
import { AddressSpace } from '../../../../src/linux/memory/address-space.ts';
import { createContext } from '../../../../src/paging/index.ts';
import { TableBuilder } from '../../../support/builders/table-builder.ts';
import { pageSourceOf } from '../../../support/fakes/page-source.ts';

const TEXT = 0xc100_0000n;
const PAGES = 0x140;

/** Linear memory: pages that can be written, the text, and pages behind it that can only be read. */
function spaceWith(mode: '32-bit' | 'pae', user = false): AddressSpace {
  const tables = new TableBuilder(mode);
  const map = (first: bigint, pages: number, flags: object): void => {
    for (let at = 0; at < pages; at += 1) {
      const address = first + 0x1000n * BigInt(at);
      tables.map(address, address - 0xc000_0000n, { levels: { 1: { user, ...flags } } });
    }
  };
  const data = mode === 'pae' ? { noExecute: true } : {};
  map(0xc000_0000n, 0x140, data);
  map(TEXT, PAGES, { write: false });
  map(TEXT + 0x20_0000n, 0x20, { write: false, ...data });
  const registers = { cr0: 0x8001_0011n, cr3: tables.root, cr4: mode === 'pae' ? 0x20n : 0n, efer: 0x800n };
  return new AddressSpace(createContext(registers, { maxPhyAddr: 40 }), {
    words: pageSourceOf(tables.memory),
    load: async () => {},
  });
}

describe('linux/findKernel', () => {
  it('takes executable pages for the text, and what can only be read behind them for data', async () => {
    const place = await findKernel(spaceWith('pae'));
    expect(place).to.deep.include({
      textFirst: TEXT,
      readOnly: [{ address: TEXT + 0x20_0000n, lengthBytes: 0x2_0000 }],
    });
  });

  it('takes what can only be read for both where no page can be made non-executable', async () => {
    const place = await findKernel(spaceWith('32-bit'));
    expect(place).to.deep.include({
      textFirst: TEXT,
      readOnly: [
        { address: TEXT, lengthBytes: 4096 * PAGES },
        { address: TEXT + 0x20_0000n, lengthBytes: 0x2_0000 },
      ],
    });
  });

  it('takes no pages of a process', async () => {
    expect(await findKernel(spaceWith('32-bit', true))).to.equal("no executable page in the kernel's range");
  });
});
