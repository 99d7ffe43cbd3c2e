import { expect } from 'chai';
import { parseState } from '../../../../src/cli/commands/state/state.ts';
import { UsageError } from '../../../../src/cli/errors.ts';
import { NamedQemu } from '../../../../src/cli/options/sources/qemu-source.ts';

const HOST = ['--host', 'ssh lab'];

describe('--host', () => {
  it('makes the endpoints those of that host, also one of the environment', () => {
    const { source } = parseState([...HOST, '--gdb', 'tcp::1234'], { PAGEWALK_QMP: '/run/vm.qmp' }).guest;
    expect(source).to.be.instanceOf(NamedQemu).and.include({
      qmp: 'host:[ssh lab]unix:/run/vm.qmp',
      gdb: 'host:[ssh lab]tcp:localhost:1234',
    });
  });

  for (const [words, message] of [
    [['--qmp', 'exec:ssh lab socat - UNIX:/run/vm.qmp', ...HOST], 'name it as it is on that host: --qmp unix:PATH'],
    [['--qmp', 'libvirt:vm', ...HOST], 'libvirt:qemu+ssh://lab/system/DOMAIN'],
    [['--guest', 'vm', ...HOST], '--guest and --host exclude each other'],
    [HOST, 'add --qmp unix:PATH'],
    [['--host', ' ', '--qmp', 'unix:/run/vm.qmp'], 'the command is empty'],
  ] as const) {
    it(`is refused with ${words.join(' ')}`, () => {
      expect(() => parseState([...words], {})).to.throw(UsageError, message);
    });
  }
});
