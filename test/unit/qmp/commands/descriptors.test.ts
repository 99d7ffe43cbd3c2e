import { expect } from 'chai';
import { handFile, removeHandedFiles } from '../../../../protocols/qmp/commands/descriptors/hand-file.ts';
import {
  findThread,
  handStream,
  removeHandedStream,
} from '../../../../protocols/qmp/commands/descriptors/hand-stream.ts';
import type { ExecuteOptions } from '../../../../protocols/qmp/executor.ts';
import { QmpClosedError, QmpCommandError, type QmpExecutor } from '../../../../protocols/qmp/index.ts';
import { checkReply } from '../../../../protocols/qmp/reply.ts';

type Handed = Parameters<typeof handFile>[2]['handed'] & Parameters<typeof handStream>[2]['handed'];
const DESCRIPTOR = {} as Handed;

interface Asked {
  readonly command: string;
  readonly args: unknown;
  readonly hasDescriptor: boolean;
}

/** A monitor that notes what it is asked, and answers what it is told to. */
function monitor(answer: (command: string) => unknown): {
  readonly qmp: QmpExecutor;
  readonly asked: readonly Asked[];
} {
  const asked: Asked[] = [];
  const execute = async (
    command: string,
    args: unknown,
    { descriptor, schema }: ExecuteOptions<unknown> = {},
  ): Promise<unknown> => {
    asked.push({ command, args, hasDescriptor: descriptor === DESCRIPTOR });
    const reply = answer(command);
    return schema === undefined ? reply : checkReply('a fake', command, reply, schema);
  };
  return { qmp: { endpoint: 'a fake', execute } as unknown as QmpExecutor, asked };
}

describe('a file that is handed to QEMU', () => {
  it('is opened by the path of its set, and found again by its label', async () => {
    const { qmp, asked } = monitor(() => ({ 'fdset-id': 7 }));
    expect(await handFile(qmp, 'mine', { handed: DESCRIPTOR })).to.equal('/dev/fdset/7');
    expect(asked).to.deep.equal([{ command: 'add-fd', args: { opaque: 'mine' }, hasDescriptor: true }]);
  });

  it('is opened by its path where it has one, and QEMU is asked for nothing', async () => {
    const { qmp, asked } = monitor(() => ({}));
    expect(await handFile(qmp, 'mine', { handed: { path: '/run/state' } })).to.equal('/run/state');
    expect(asked).to.deep.equal([]);
  });

  it('is taken away wherever its label is, and nothing else is', async () => {
    const sets = [
      { 'fdset-id': 0, fds: [{ opaque: 'other' }, {}] },
      { 'fdset-id': 1, fds: [{}, { opaque: 'mine' }] },
      { 'fdset-id': 2, fds: [] },
      { 'fdset-id': 3, fds: [{ opaque: 'mine' }] },
    ];
    const { qmp, asked } = monitor((command) => (command === 'query-fdsets' ? sets : {}));
    await removeHandedFiles(qmp, 'mine');
    expect(asked.map(({ command, args }) => [command, args])).to.deep.equal([
      ['query-fdsets', undefined],
      ['remove-fd', { 'fdset-id': 1 }],
      ['remove-fd', { 'fdset-id': 3 }],
    ]);
  });
});

describe('a connection that is handed to QEMU', () => {
  it('becomes a character device that is no server', async () => {
    const { qmp, asked } = monitor(() => ({}));
    await handStream(qmp, 'mine', { handed: DESCRIPTOR });
    const backend = { type: 'socket', data: { addr: { type: 'fd', data: { str: 'mine' } }, server: false } };
    expect(asked).to.deep.equal([
      { command: 'getfd', args: { fdname: 'mine' }, hasDescriptor: true },
      { command: 'chardev-add', args: { id: 'mine', backend }, hasDescriptor: false },
    ]);
  });

  it('is made by QEMU where it has a path', async () => {
    const { qmp, asked } = monitor(() => ({}));
    await handStream(qmp, 'mine', { handed: { path: '/run/here' } });
    const backend = { type: 'socket', data: { addr: { type: 'unix', data: { path: '/run/here' } }, server: false } };
    expect(asked).to.deep.equal([{ command: 'chardev-add', args: { id: 'mine', backend }, hasDescriptor: false }]);
  });

  it('makes no device where QEMU does not take it', async () => {
    const { qmp, asked } = monitor(() => {
      throw refusal('getfd');
    });
    const error = await handStream(qmp, 'mine', { handed: DESCRIPTOR }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(QmpCommandError);
    expect(asked).to.have.lengthOf(1);
  });

  it('is taken away, device and descriptor, also where one of them is not there', async () => {
    const { qmp, asked } = monitor((command) => {
      if (command === 'query-chardev') return devices('another', 'gdb');
      throw refusal(command);
    });
    await removeHandedStream(qmp, 'mine');
    expect(asked.map(({ command, args }) => [command, args])).to.deep.equal([
      ['chardev-remove', { id: 'mine' }],
      ['query-chardev', undefined],
      ['closefd', { fdname: 'mine' }],
    ]);
  });

  it('is taken away with the stub that uses it', async () => {
    const { qmp, asked } = monitor((command) => {
      if (command === 'query-chardev') return devices('another', 'mine');
      if (command === 'human-monitor-command') return 'Disabled gdbserver\r\n';
      throw refusal(command);
    });
    await removeHandedStream(qmp, 'mine');
    expect(asked.slice(2).map(({ command, args }) => [command, args])).to.deep.equal([
      ['human-monitor-command', { 'command-line': 'gdbserver none' }],
      ['closefd', { fdname: 'mine' }],
    ]);
  });

  it('that nothing uses goes alone: a stub is another client’s', async () => {
    const { qmp, asked } = monitor(() => ({}));
    await removeHandedStream(qmp, 'mine');
    expect(asked.map(({ command }) => command)).to.deep.equal(['chardev-remove', 'closefd']);
  });

  it('is looked for in the threads of QEMU, of which it names one', async () => {
    const cpus = [15720, 15721].map((thread, index) => {
      return { 'cpu-index': index, 'qom-path': `/machine/cpu[${index}]`, 'thread-id': thread, target: 'x86_64' };
    });
    expect(await findThread(monitor(() => cpus).qmp)).to.equal(15720);
    expect(await findThread(monitor(() => []).qmp)).to.equal(undefined);
  });

  it('is not said to be taken away where the monitor has gone', async () => {
    const gone = new QmpClosedError({ endpoint: 'a fake', happened: 'it has gone' });
    const { qmp } = monitor(() => {
      throw gone;
    });
    expect(await removeHandedStream(qmp, 'mine').catch((thrown: unknown) => thrown)).to.equal(gone);
  });
});

function devices(...labels: readonly string[]) {
  return labels.map((label) => ({ label, filename: 'fd', 'frontend-open': true }));
}

function refusal(command: string): QmpCommandError {
  return new QmpCommandError('a fake', command, { errorClass: 'GenericError', desc: 'no' });
}
