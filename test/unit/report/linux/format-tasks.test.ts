import { expect } from 'chai';
import type { LinuxTask } from '../../../../src/linux/index.ts';
import { COLOURED, encodeTask, formatTasks, PLAIN } from '../../../../src/report/index.ts';

const INIT: LinuxTask = {
  pid: 1,
  tgid: 1,
  comm: 'init',
  state: 'S',
  address: 0xffff_8880_0100_0000n,
  mm: 0xffff_8880_0200_0000n,
  cr3: 0x123_4000n,
  userCr3: null,
  residentPages: 512,
};
const KTHREAD: LinuxTask = {
  ...INIT,
  pid: 20,
  tgid: 20,
  comm: 'kworker/0:1',
  mm: null,
  cr3: null,
  residentPages: null,
};

describe('report/formatTasks', () => {
  it('is a table: what is a number at the right of its column, text at the left, a thread of the kernel in brackets', () => {
    const thread = { ...INIT, pid: 1234, state: 'R', comm: 'a\u001b[1mb', residentPages: 3 };
    expect(formatTasks([INIT, KTHREAD, thread], PLAIN).split('\n')).to.deep.equal([
      ' PID  TGID  S        CR3  RSS  name',
      '   1     1  S  0x1234000   2M  init',
      '  20    20  S          -    -  [kworker/0:1]',
      '1234     1  R  0x1234000  12K  a\\x1b[1mb',
      '',
    ]);
  });

  it('has roots of user mode where one process has one', () => {
    const isolated = { ...INIT, userCr3: 0x123_5000n };
    expect(formatTasks([isolated, KTHREAD], PLAIN).split('\n')).to.deep.equal([
      'PID  TGID  S        CR3   user CR3  RSS  name',
      '  1     1  S  0x1234000  0x1235000   2M  init',
      ' 20    20  S          -          -    -  [kworker/0:1]',
      '',
    ]);
  });

  it('sets its heading off', () => {
    const [heading, row] = formatTasks([INIT], COLOURED).split('\n');
    expect(heading).to.equal(COLOURED.faint('PID  TGID  S        CR3  RSS  name'));
    expect(row).to.equal('  1     1  S  0x1234000   2M  init');
  });
});

describe('report/encodeTask', () => {
  it('has numbers of pages as numbers, and addresses as text', () => {
    expect(JSON.parse(encodeTask({ ...INIT, userCr3: 0x123_5000n }))).to.deep.equal({
      ...{ pid: 1, tgid: 1, comm: 'init', state: 'S', cr3: '0x1234000', userCr3: '0x1235000', residentPages: 512 },
      ...{ task: '0xffff888001000000', mm: '0xffff888002000000' },
    });
    expect(JSON.parse(encodeTask(KTHREAD))).to.include({ mm: null, cr3: null, userCr3: null, residentPages: null });
  });
});
