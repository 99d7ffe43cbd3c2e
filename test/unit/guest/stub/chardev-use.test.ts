import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { readChardevUse } from '../../../../src/guest/stub/chardev-use.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';

const TREE = `bus: main-system-bus
  dev: virtserialport, id "agent"
    chardev = "qga0"
    name = "org.qemu.guest_agent.0"
`;

describe('what character devices are used for', () => {
  const monitor = fakeMonitor({ hmp: () => Promise.resolve(TREE) });

  it('is in the tree of devices', async () => {
    const { stubs, others } = await readChardevUse(monitor, undefined);
    expect([...others]).to.deep.equal(['qga0']);
    expect([...stubs]).to.deep.equal([]);
  });

  it('is on the command line of QEMU, where its process is known', async () => {
    const options = ['-mon', 'chardev=mon0,mode=control', '-serial', 'chardev:ser', '-gdb', 'chardev:stub', '-S'];
    const child = spawn('/bin/sh', ['-c', 'read line', 'qemu', ...options], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const { stubs, others } = await readChardevUse(monitor, child.pid);
    child.stdin.end();
    expect([...others].sort()).to.deep.equal(['mon0', 'qga0', 'ser']);
    expect([...stubs]).to.deep.equal(['stub']);
  });

  it('is in the tree alone where the command line cannot be read', async () => {
    const { stubs, others } = await readChardevUse(monitor, 2 ** 30);
    expect([[...others], [...stubs]]).to.deep.equal([['qga0'], []]);
  });

  it('asks for the tree, and takes nothing else in it for a device', async () => {
    const asked: string[] = [];
    const hmp = (line: string): Promise<string> => {
      asked.push(line);
      return Promise.resolve('  chardev = "a"\r\n  xchardev = "b"\n chardev = \n    chardev = "c,d"\n');
    };
    const { others } = await readChardevUse(fakeMonitor({ hmp }), undefined);
    expect(asked).to.deep.equal(['info qtree']);
    expect([...others]).to.deep.equal(['a', 'c,d']);
  });

  it('is a stub’s with one dash or two, and no other option’s', async () => {
    const options = [
      '--gdb',
      'chardev:two',
      '-gdbx',
      'chardev:x',
      '-device',
      'a,chardev=b,xchardev=c',
      '-chardev',
      'd',
    ];
    const child = spawn('/bin/sh', ['-c', 'read line', 'qemu', ...options], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const { stubs, others } = await readChardevUse(fakeMonitor(), child.pid);
    child.stdin.end();
    expect([[...stubs], [...others].sort()]).to.deep.equal([['two'], ['b', 'x']]);
  });
});
