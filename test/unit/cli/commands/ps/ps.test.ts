import { expect } from 'chai';
import { parsePs } from '../../../../../src/cli/commands/ps/ps.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];

describe('cli/parsePs', () => {
  it('lists processes, or threads, as text or as JSON', () => {
    expect(parsePs(QMP, {})).to.deep.include({ threads: false, json: false, live: false, hostMemory: true });
    expect(parsePs(['--threads', '--json', '--live', '--cpu', '3', ...QMP], {}))
      .to.deep.include({ threads: true, json: true, live: true, hostMemory: true })
      .and.have.nested.property('guest.cpu', 3);
    expect(parsePs(['--no-host-memory', ...QMP], {})).to.include({ hostMemory: false });
  });

  it('takes no argument', () => {
    expect(() => parsePs(['init', ...QMP], {}))
      .to.throw(UsageError)
      .that.includes({ message: 'ps takes no argument (got "init")', command: 'ps' });
  });
});
