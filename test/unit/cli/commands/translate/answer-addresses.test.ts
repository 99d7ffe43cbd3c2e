import { expect } from 'chai';
import { makeAsker } from '../../../../../src/cli/commands/translate/answer-addresses.ts';
import { parseTranslate } from '../../../../../src/cli/commands/translate/parse-translate.ts';
import { GuestView, givenSource } from '../../../../../src/guest/index.ts';
import { AreaMap } from '../../../../../src/linux/internal.ts';
import { Linux } from '../../../../../src/linux/linux.ts';
import { TableBuilder } from '../../../../support/builders/table-builder.ts';
import { memoryOfPages } from '../../../../support/fakes/memory-of-pages.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';
import { FlatMemory, namesWith } from '../../../../support/linux/flat-memory.ts';

describe('cli/makeAsker', () => {
  it('reads of the Linux what answers need while it is made: when they are the guest may run on', async () => {
    const tables = new TableBuilder('4-level');
    // Page 7 of swap area 0, as __swp_entry() makes it.
    const address = 0x5000n;
    tables.map(address, 0n);
    tables.poke(tables.entryAddress(address, 1), ((~7n << 9n) & 0x07ff_ffff_ffff_fe00n) | 2n);
    const { map, memory } = memoryOfPages(tables.memory);
    const view = new GuestView(
      givenSource({
        vcpus: [{ registers: { cr0: 0x8001_0011n, cr3: tables.root, cr4: 0x20n, efer: 0xd00n } }],
        memory,
        regions: map.regions,
      }),
    );
    const kernel = new FlatMemory();
    kernel.word(0x1000, 1);
    const names = { ...namesWith(null, { nr_swapfiles: 0x1000n }), textFirst: 0x1000n };
    const linux = new Linux(names, kernel.space);
    const words = ['--from', 'list', '--names', '--json', '--qmp', 'unix:/nowhere/vm.qmp'];
    const line = { ...parseTranslate(words, {}), command: 'translate' };
    const complaints: string[] = [];
    const ask = await makeAsker(
      line,
      quietContext({ complain: (text) => complaints.push(text), input: (async function* () {})() }),
      { scope: line.scope, linux, areas: new AreaMap([]) },
    );
    const before = kernel.flights.length;
    const { texts } = await ask(view, BigUint64Array.of(address), []);
    expect(JSON.parse(texts[0] ?? '').linuxEntry).to.include({ kind: 'swap', type: 0, offset: '0x7' });
    expect([before, kernel.flights.length, complaints]).to.deep.equal([1, 1, []]);
  });
});
