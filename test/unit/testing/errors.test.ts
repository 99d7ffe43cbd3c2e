import { expect } from 'chai';
import * as testing from '../../../src/testing/index.ts';
import { GuestConsoleError, QemuLaunchError, QemuOptionError, TestingError } from '../../../src/testing/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');
const COMMAND = ['qemu-system-x86_64', '-nodefaults'];

const EXAMPLES = {
  QemuLaunchError: () =>
    new QemuLaunchError('ERR_TESTING_EXITED', 'QEMU ended', { command: COMMAND, output: 'no such CPU' }, { cause }),
  GuestConsoleError: () =>
    new GuestConsoleError('ERR_TESTING_CONSOLE_TIMEOUT', 'it did not come', ['tick 1', 'tick 2']),
  QemuOptionError: () => new QemuOptionError('it was started without'),
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
    expect(error.message).to.equal('QEMU ended\nCommand: qemu-system-x86_64 -nodefaults\nIt said: no such CPU');
    const silent = new QemuLaunchError('ERR_TESTING_SPAWN', 'no', { command: COMMAND, output: '' });
    expect(silent.message).not.to.contain('It said');
  });

  it('a line that did not come is told with those that did', () => {
    expect(EXAMPLES.GuestConsoleError().message).to.contain('tick 1\ntick 2');
    expect(new GuestConsoleError('ERR_TESTING_CONSOLE_CLOSED', 'gone', []).message).to.equal('gone. It said nothing.');
  });
});
