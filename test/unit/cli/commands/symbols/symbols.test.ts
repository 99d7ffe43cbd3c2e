import { expect } from 'chai';
import { parseSymbols } from '../../../../../src/cli/commands/symbols/symbols.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { NamedQemu } from '../../../../../src/cli/options/sources/qemu-source.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];
const GUEST = {
  source: new NamedQemu({ qmp: 'unix:/run/vm.qmp', gdb: undefined, timeoutMs: undefined, maxPauseMs: undefined }),
  ...{ cpu: 0, traceFile: undefined, strict: false },
};

describe('cli/parseSymbols', () => {
  it('takes a pattern, an address, or neither', () => {
    const plain = { guest: GUEST, live: false, hostMemory: true, json: false };
    expect(parseSymbols(QMP, {})).to.deep.equal({ ...plain, pattern: undefined, address: undefined });
    expect(parseSymbols(['do_*', ...QMP], {})).to.deep.equal({ ...plain, pattern: 'do_*', address: undefined });
    expect(parseSymbols(['0x1000', ...QMP], {})).to.deep.equal({
      ...{ ...plain, pattern: undefined },
      address: { kind: 'number', value: 0x1000n },
    });
    expect(parseSymbols(['do_exit', ...QMP], {}).address).to.deep.include({ kind: 'symbol', offset: 0n });
  });

  it('takes each of its options', () => {
    const words = '--cpu 2 --live --symbols System.map --json --trace t.log --timeout 7 --max-pause 9'.split(' ');
    expect(parseSymbols([...words, ...QMP], {})).to.deep.equal({
      guest: {
        source: new NamedQemu({ qmp: 'unix:/run/vm.qmp', gdb: undefined, timeoutMs: 7, maxPauseMs: 9 }),
        ...{ cpu: 2, traceFile: 't.log', strict: false },
      },
      ...{ live: true, hostMemory: true, json: true, symbolsFile: 'System.map' },
      ...{ pattern: undefined, address: undefined },
    });
    expect(parseSymbols(['--no-host-memory', ...QMP], {})).to.include({ hostMemory: false, live: false });
  });

  it('refuses a second pattern, what is no address, and to ask a stub live', () => {
    const refused = (words: readonly string[]) => expect(() => parseSymbols(words, {})).to.throw(UsageError);
    refused(['do_*', 'sys_*', ...QMP]).that.includes({
      message: 'one pattern or address at a time; "sys_*" is another',
      command: 'symbols',
    });
    refused(['1x', ...QMP])
      .with.property('message')
      .that.contains('address "1x" is not a number');
    refused(['--live', '--gdb', 'tcp::1234']).that.includes({
      message: '--live needs --qmp: the GDB stub pauses the guest',
      command: 'symbols',
    });
  });
});
