import { expect } from 'chai';
import { lookForLinux, namesOf } from '../../../../src/guest/linux/look-for-linux.ts';
import { sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import type { KernelNames, KnownKernel, KnownKernels } from '../../../../src/linux/internal.ts';
import { TableBuilder } from '../../../support/builders/table-builder.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { pageSourceOf } from '../../../support/fakes/page-source.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';
import { namesWith } from '../../../support/linux/flat-memory.ts';

const TEXT = 0xc100_0000n;
const DATA = TEXT + 0x20_0000n;
const ID = DATA + 0x100n;
const DATA_PAGES = 0x20;

/** PAE tables of a kernel: its text, and data behind it whose one page is filled with a build id. */
function kernelAt(firstTable: bigint): TableBuilder {
  const tables = new TableBuilder('pae', firstTable);
  const map = (first: bigint, pages: number, physical: bigint, noExecute: boolean): void => {
    for (let at = 0n; at < pages; at += 1n) {
      const levels = { 1: { user: false, write: false, noExecute } };
      tables.map(first + 0x1000n * at, physical + 0x1000n * at, { levels });
    }
  };
  map(TEXT, 0x140, 0x100_0000n, false);
  map(DATA, DATA_PAGES, 0x200_0000n, true);
  for (let at = 0n; at < DATA_PAGES; at += 1n) tables.memory.addPage(0x200_0000n + 0x1000n * at);
  tables.memory.poke(0x200_0100n, 8, 0x0102_0304_0506_07abn);
  return tables;
}

/** A vCPU in PAE paging with this root, and what it is asked by. */
function vcpu(root: bigint, replaced: Partial<VcpuState> = {}): VcpuState {
  return vcpuStateWith({
    cr3: sourced(root, 'gdb-stub', ''),
    efer: sourced(0x800n, 'gdb-stub', ''),
    cpu: 3,
    ...replaced,
  });
}

function known(kernels: readonly KnownKernel[] = []): KnownKernels & { readonly kept: KernelNames[] } {
  const kept: KernelNames[] = [];
  return { kept, at: (textFirst) => (textFirst === TEXT ? kernels : []), keep: (names) => void kept.push(names) };
}

function kernelKnown(id: string, names: KernelNames | null): KnownKernel {
  return { textFirst: TEXT, buildId: { id, address: ID, lengthBytes: 8 }, names, load: () => names };
}

describe('a Linux in the memory of a guest', () => {
  const ROOT = 0x8000n;
  const tables = kernelAt(ROOT);
  const pages = { words: pageSourceOf(tables.memory), load: async () => {} };
  const names = namesWith(null);
  const ID_DIGITS = 'ab07060504030201';

  it('is new, and its image is read: names are made of it, and kept', async () => {
    const kernels = known([kernelKnown('ab', names)]);
    const found = await lookForLinux(vcpu(ROOT), pages, kernels);
    expect(found.space.context.rootAddress).to.equal(Number(ROOT));
    if (!('image' in found.kernel)) throw new Error('it is not new');
    const { image } = found.kernel;
    expect(image).to.include({ textFirst: TEXT, wordBytes: 4 });
    expect(image.readOnly.map(({ address, bytes }) => [address, bytes.length])).to.deep.equal([
      [DATA, DATA_PAGES * 4096],
    ]);
    const made = namesOf(found, kernels);
    expect(made).to.include({ textFirst: TEXT, wordBytes: 4, symbols: null });
    expect(kernels.kept).to.deep.equal([made]);
  });

  it('is one that is known, by its build id, with its names at hand or kept somewhere', async () => {
    const kernels = known([kernelKnown('cd', null), kernelKnown(ID_DIGITS, names)]);
    const found = await lookForLinux(vcpu(ROOT), pages, kernels);
    expect(found.kernel).to.deep.equal({ names });
    expect(namesOf(found, kernels)).to.equal(names);
    let loads = 0;
    const load = (): KernelNames | null => {
      loads += 1;
      return loads === 1 ? names : null;
    };
    const elsewhere: KnownKernel = { ...kernelKnown(ID_DIGITS, null), load };
    const kept = known([elsewhere]);
    const known1 = await lookForLinux(vcpu(ROOT), pages, kept);
    expect(known1.kernel).to.deep.equal({ known: elsewhere });
    expect(loads, 'the guest waits meanwhile').to.equal(0);
    expect(namesOf(known1, kept)).to.equal(names);
    expect(namesOf(known1, kept), 'they are gone').to.equal(null);
    expect([kernels.kept, kept.kept]).to.deep.equal([[], []]);
  });

  it('lies behind the even one of two roots, while a process has the other', async () => {
    const user = vcpu(ROOT | 0x1000n);
    const found = await lookForLinux(user, pages, known());
    expect(found.space.context.rootAddress).to.equal(Number(ROOT));
    // The odd one alone has it: the even one is looked at first, and leads nowhere.
    const odd = kernelAt(ROOT | 0x1000n);
    const oddPages = { words: pageSourceOf(odd.memory), load: async () => {} };
    const other = await lookForLinux(vcpu(ROOT | 0x1000n), oddPages, known());
    expect(other.space.context.rootAddress).to.equal(Number(ROOT | 0x1000n));
  });

  it('is not there, which is said once for both roots', async () => {
    const nothing = { words: () => null, load: async () => {} };
    for (const root of [ROOT, ROOT | 0x1000n]) {
      const error = await expectRejection(lookForLinux(vcpu(root), nothing, known()));
      expect(error).to.include({
        code: 'ERR_LINUX_DATA',
        what: 'Linux',
        message:
          "Linux: there is none in the address space of vCPU 3: a kernel's text and its read-only data were looked for, and there is no executable page in the kernel's range",
      });
    }
    const off = vcpu(ROOT, { cr0: sourced(0x11n, 'gdb-stub', '') });
    expect((await expectRejection(lookForLinux(off, pages, known()))).message).to.match(
      /, and there is paging is off$/,
    );
  });

  it('is not looked for behind a second stage', async () => {
    const nested = sourced({ kind: 'ept', eptp: 0x1001en } as const, 'given', '');
    const error = await expectRejection(lookForLinux(vcpu(ROOT, { nested }), pages, known()));
    expect(error).to.include({
      code: 'ERR_LINUX_DATA',
      message: 'Linux: vCPU 3 runs a nested guest (L2), and names are known of L1 alone',
    });
  });
});
