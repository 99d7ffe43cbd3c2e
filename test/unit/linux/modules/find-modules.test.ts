import { expect } from 'chai';
import { Linux } from '../../../../src/linux/linux.ts';
import { buildBtf } from '../../../support/linux/build-btf.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

const MODULE = {
  state: 0,
  list: 8,
  name: 24,
  kallsyms: 88,
  core_layout: { at: 96, of: { base: 0, size: 8 } },
};
const BTF = buildBtf({ module: MODULE, mod_kallsyms: { symtab: 0, num_symtab: 8, strtab: 16, typetab: 24 } });
const HEAD = 0x1000;
const at = (index: number): number => 0x2000 + 0x100 * index;

/** Modules in a list, of which the first has one symbol, and the second a table that is mapped nowhere. */
function kernel(): FlatMemory {
  const memory = new FlatMemory();
  memory.word(HEAD, at(0) + 8);
  for (const [index, name] of ['sound', 'broken'].entries()) {
    const next = index === 1 ? HEAD : at(index + 1) + 8;
    memory.word(at(index), 0, next, 0);
    memory.text(at(index) + 24, name);
    memory.word(at(index) + 88, index === 0 ? 0x4000 : 0xdead_0000, 0x10_0000 * (index + 1), 0x3000);
  }
  memory.word(0x4000, 0x5000, 1, 0x6000, 0x7000);
  // An Elf64_Sym: name 1, section 1, its value.
  memory.word(0x5000, 1n | (1n << 48n), 0x10_0040, 0);
  memory.text(0x6001, 'a_function');
  memory.text(0x7000, 'T');
  return memory;
}

describe('linux/findModules', () => {
  const names = namesWith(BTF, { modules: BigInt(HEAD) });

  it('knows where a module is whose symbols cannot be read, and says so', async () => {
    const memory = kernel();
    const linux = new Linux(names, memory.space);
    const { map, ofKernel } = await linux.areaMap(null);
    expect([0x10_0000n, 0x20_2fffn, 0x20_3000n].map((address) => map.at(address)?.name)).to.deep.equal([
      'sound',
      'broken',
      undefined,
    ]);
    expect(ofKernel).to.deep.equal([]);
    // Nothing but the list was read for that.
    expect([0x5, 0x6, 0x7].map((page) => memory.words(page))).to.deep.equal([undefined, undefined, undefined]);
    const { modules, problems } = await linux.loadModules();
    expect(modules.map(({ name, symbols }) => [name, [...symbols].map((each) => each.name)])).to.deep.equal([
      ['sound', ['a_function']],
    ]);
    expect(problems).to.deep.equal(['the symbols of the module broken cannot be read']);
    expect(linux.missing).to.deep.equal(problems);
  });

  it('says where the list is damaged, and where it is not known', async () => {
    const memory = kernel();
    memory.word(at(1) + 8, 0xdead_0000);
    expect((await new Linux(names, memory.space).areaMap(null)).ofKernel).to.deep.equal([
      'the list of modules is damaged after 2 of them',
    ]);
    const { name: _, ...nameless } = MODULE;
    const far = { ...MODULE, name: 70_000 };
    for (const module of [nameless, far]) {
      const known = { ...names, btf: buildBtf({ module }) };
      expect((await new Linux(known, memory.space).areaMap(null)).ofKernel).to.deep.equal([
        'this kernel keeps the list of its modules in a way that is not known',
      ]);
    }
  });
});
