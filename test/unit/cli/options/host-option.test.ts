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

  it('leaves what leads there from this host as it is, and puts a helper beside it', () => {
    const words = [
      '--qmp',
      'exec:ssh lab socat - UNIX:/run/vm.qmp',
      ...HOST,
      '--gdb',
      'exec:ssh lab socat - TCP::1234',
    ];
    expect(parseState(words, {}).guest.source).to.include({
      qmp: 'host:[ssh lab]exec:ssh lab socat - UNIX:/run/vm.qmp',
      gdb: 'exec:ssh lab socat - TCP::1234',
    });
    expect(parseState(['--qmp', 'tls:lab:4444,dir=/a', ...HOST], {}).guest.source).to.include({
      qmp: 'host:[ssh lab]tls:lab:4444,dir=/a',
    });
  });

  for (const [words, message] of [
    [['--gdb', 'exec:ssh lab socat - TCP::1234', ...HOST], 'add --qmp, or leave --host out'],
    [['--qmp', 'host:[ssh lab]unix:/run/vm.qmp', ...HOST], 'the endpoint names a helper already'],
    [['--qmp', 'libvirt:vm', ...HOST], 'libvirt:qemu+ssh://lab/system/DOMAIN'],
    [['--guest', 'vm', '--host', ' '], 'the command is empty'],
    [HOST, 'add --qmp unix:PATH'],
    [['--host', ' ', '--qmp', 'unix:/run/vm.qmp'], 'the command is empty'],
  ] as const) {
    it(`is refused with ${words.join(' ')}`, () => {
      expect(() => parseState([...words], {})).to.throw(UsageError, message);
    });
  }
});
