import { expect } from 'chai';
import * as testing from '../../../src/testing/index.ts';
import {
  CheckpointError,
  ExpectationError,
  GuestConsoleError,
  GuestDiedError,
  type GuestEnd,
  GuestRunError,
  GuestShellError,
  QemuLaunchError,
  QemuOptionError,
  TestingError,
} from '../../../src/testing/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');
const COMMAND = ['qemu-system-x86_64', '-nodefaults'];

const END: GuestEnd = {
  ...{
    how: 'triple-fault',
    mayBeTripleFault: false,
    exit: null,
    cpu: 0,
    rip: 0x1000n,
    cr2: 0n,
    cr3: 0x2000n,
    walk: null,
  },
  ...{ output: '', lastLines: [] },
};

const EXAMPLES = {
  QemuLaunchError: () =>
    new QemuLaunchError('ERR_TESTING_EXITED', 'QEMU ended', { command: COMMAND, output: 'no such CPU' }, { cause }),
  GuestConsoleError: () =>
    new GuestConsoleError('ERR_TESTING_CONSOLE_TIMEOUT', 'it did not come', ['tick 1', 'tick 2']),
  QemuOptionError: () => new QemuOptionError('it was started without'),
  GuestShellError: () => new GuestShellError('no shell took it', ['tick 1']),
  GuestRunError: () => new GuestRunError('it did not come', [0x1000n], ['tick 1']),
  GuestDiedError: () => new GuestDiedError(END, 'the guest had a triple fault'),
  ExpectationError: () => new ExpectationError('expected it to be mapped', 'to be mapped'),
  CheckpointError: () => new CheckpointError('QEMU would not'),
} satisfies Record<string, () => TestingError>;

describe('the errors of the test kit', () => {
  it('are all tried here', () => {
    const exported = Object.keys(testing).filter((name) => name.endsWith('Error') && name !== 'TestingError');
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  for (const [name, make] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code and cause`, () => {
      const error = make();
      expect(error).to.be.instanceOf(TestingError);
      expectErrorShape(error, 'TESTING', name === 'QemuLaunchError' ? cause : undefined);
    });
  }

  it('a launch that failed says what was started, and what it said', () => {
    const error = EXAMPLES.QemuLaunchError();
    expect(error).to.include({ output: 'no such CPU' });
    expect(error.command).to.deep.equal(COMMAND);
    expect(error.message).to.equal('QEMU ended\nIt said: no such CPU\nCommand: qemu-system-x86_64 -nodefaults');
    const silent = new QemuLaunchError('ERR_TESTING_SPAWN', 'no', { command: COMMAND, output: '' });
    expect(silent.message).not.to.contain('It said');
  });

  it('a line that did not come is told with those that did', () => {
    expect(EXAMPLES.GuestConsoleError().message).to.contain('tick 1\ntick 2');
    expect(new GuestConsoleError('ERR_TESTING_CONSOLE_CLOSED', 'gone', []).message).to.equal('gone. It said nothing.');
  });
});
