import { expect } from 'chai';
import { reportedOwner } from '../../../../../src/cli/session/names/reported-owner.ts';
import type { LinuxTask } from '../../../../../src/linux/index.ts';

describe('cli/reportedOwner', () => {
  it('names a process by its pid, its name and the half, the kernel as such, and nothing as nothing', () => {
    const task = { pid: 91, comm: 'bash', tgid: 91, state: 'S' } as LinuxTask;
    expect(reportedOwner({ kind: 'process', task, half: 'user' })).to.deep.equal({
      ...{ kind: 'process', pid: 91, comm: 'bash', half: 'user' },
    });
    expect(reportedOwner({ kind: 'kernel' })).to.deep.equal({ kind: 'kernel' });
    expect(reportedOwner(null)).to.equal(null);
  });
});
