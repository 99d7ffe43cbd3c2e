import { expect } from 'chai';
import { foreseeTasks } from '../../../../src/linux/processes/foresee-tasks.ts';
import { buildBtf } from '../../../support/linux/build-btf.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

const BTF = buildBtf({
  pid_namespace: { idr: { at: 0, of: { idr_rt: { at: 8, of: { xa_head: 8 } } } } },
  xa_node: { slots: { at: 0, count: 64 } },
  pid: { tasks: 8 },
  task_struct: { pid_links: 0x40 },
});
const NODE = 0x3000;
const names = namesWith(BTF, { init_pid_ns: 0x1000n });

function tree(...slots: readonly number[]): FlatMemory {
  const memory = new FlatMemory();
  memory.word(0x1010, NODE | 2);
  memory.word(NODE, ...Array.from({ length: 64 }, (_, at) => slots[at] ?? 0));
  for (const [at, pid] of [0x8000, 0x8100].entries()) memory.word(pid + 8, 0x2_0000 + 0x1000 * at + 0x40);
  return memory;
}

describe('linux/foreseeTasks', () => {
  it('finds tasks by the tree of pids', async () => {
    expect(await foreseeTasks(names, tree(0x8000, 0, 0x8100).space)).to.deep.equal([0x2_0000n, 0x2_1000n]);
  });

  it('tells each once, however often a damaged tree leads to it', async () => {
    const pids = Array.from({ length: 62 }, () => 0x8000);
    expect(await foreseeTasks(names, tree(...pids, NODE | 2, 0x8100).space)).to.deep.equal([0x2_0000n, 0x2_1000n]);
  });
});
