import { expect } from 'chai';
import { complainOfRomTables } from '../../../../src/cli/session/complain-of-rom-tables.ts';

describe('cli/complainOfRomTables', () => {
  it('names the ROM that tables lie in, and says nothing where none do', () => {
    const said: string[] = [];
    const context = { complain: (line: string) => void said.push(line) };
    complainOfRomTables([], context);
    complainOfRomTables(['pc.bios', 'pc.rom'], context);
    expect(said).to.deep.equal(['pagewalk: page tables lie in ROM (pc.bios, pc.rom), where no A or D bit can be set']);
  });
});
