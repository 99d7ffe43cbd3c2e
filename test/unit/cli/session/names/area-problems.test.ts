import { expect } from 'chai';
import { describeAreaProblems } from '../../../../../src/cli/session/names/area-problems.ts';
import type { LinuxTask } from '../../../../../src/linux/index.ts';

const SHELL = { pid: 91, comm: 'bash' } as LinuxTask;
const OF_KERNEL = ['the list of modules is damaged'];

describe('cli/describeAreaProblems', () => {
  it('says of a process what is lacking, or of all of them', () => {
    for (const [problem, sentence] of [
      ['32-bit', 'of processes are known: structures of kernels with 32 bits are not read'],
      ['no-types', "of processes are known: the kernel's type information does not say where a process has its areas"],
      ['damaged', 'of process 91 bash are known: the list of its areas is damaged'],
      ['paths', 'of process 91 bash are known: paths of files lead to no root'],
    ] as const) {
      expect(describeAreaProblems({ problem, ofKernel: OF_KERNEL }, SHELL), problem).to.deep.equal([
        ...[...OF_KERNEL, `not all areas ${sentence}`],
      ]);
    }
  });

  it("says of the kernel's alone what is lacking of them", () => {
    expect(describeAreaProblems({ problem: null, ofKernel: OF_KERNEL }, SHELL)).to.deep.equal(OF_KERNEL);
    expect(describeAreaProblems({ problem: 'damaged', ofKernel: OF_KERNEL }, null)).to.deep.equal(OF_KERNEL);
    expect(describeAreaProblems({ problem: null, ofKernel: [] }, null)).to.deep.equal([]);
  });
});
