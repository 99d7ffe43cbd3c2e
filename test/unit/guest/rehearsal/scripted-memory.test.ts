import { expect } from 'chai';
import { ScriptedMemory } from '../../../../src/guest/rehearsal/scripted-memory.ts';

const PAGE = 4096;

/** Of these pages, the entries: where they lead, and their flags. */
function entriesOf(memory: ScriptedMemory, page: number): readonly string[] {
  const bytes = memory.read(page * PAGE, PAGE);
  return Array.from({ length: 512 }, (_, at) => `0x${bytes.readBigUInt64LE(8 * at).toString(16)}`);
}

function all(entry: string): readonly string[] {
  return Array(512).fill(entry);
}

describe('the memory of a rehearsal', () => {
  it('has a root whose lower half users may use, and three tables below it, each leading to the next', () => {
    const memory = new ScriptedMemory();
    expect(entriesOf(memory, 0)).to.deep.equal(all('0x0'));
    expect(entriesOf(memory, 1)).to.deep.equal([...all('0x2007').slice(256), ...all('0x2003').slice(256)]);
    expect(entriesOf(memory, 2)).to.deep.equal(all('0x3007'));
    expect(entriesOf(memory, 3)).to.deep.equal(all('0x4007'));
    expect(entriesOf(memory, 4)).to.deep.equal(all('0x5007'));
    expect(entriesOf(memory, 5)).to.deep.equal(all('0x0'));
  });

  it('is read from any byte on, and keeps what is written', () => {
    const memory = new ScriptedMemory();
    expect([...memory.read(0x1ffe, 5)]).to.deep.equal([0, 0, 7, 0x30, 0]);
    expect([...memory.read(0x2001, 1)]).to.deep.equal([0x30]);
    memory.write(0x2000, Uint8Array.of(0x27));
    memory.write(0x6000, Uint8Array.of(1, 2, 0));
    expect([...memory.read(0x2000, 2)]).to.deep.equal([0x27, 0x30]);
    expect([...memory.read(0x5fff, 5)]).to.deep.equal([0, 1, 2, 0, 0]);
    memory.write(0x6001, Uint8Array.of(9));
    expect([...memory.read(0x6000, 3)]).to.deep.equal([1, 9, 0]);
    expect([...new ScriptedMemory().read(0x6000, 3)], 'another has memory of its own').to.deep.equal([0, 0, 0]);
  });
});
