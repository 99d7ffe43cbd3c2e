import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { QmpBusyError } from '../../../../protocols/qmp/index.ts';
import { duplexOf } from '../../../../protocols/transport/internal.ts';
import { undoStubPause } from '../../../../src/guest/link/undo-stub-pause.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('a stub that was given as the monitor', () => {
  const scratch = useScratchDirectory();

  /** A stub on a socket file, behind which a monitor answers. */
  async function undo(version: string, status: string): Promise<{ told: unknown; commands: readonly string[] }> {
    const commands: string[] = [];
    const answers: Record<string, string> = { 'info status': `VM status: ${status}\n`, 'info version': `${version}\n` };
    const server = createServer((socket) => {
      const stub = new FakeGdbStub({
        answer: (payload) => {
          const digits = /^qRcmd,([0-9a-f]+)$/.exec(payload)?.[1];
          if (digits === undefined) return 'default';
          const command = Buffer.from(digits, 'hex').toString();
          commands.push(command);
          const text = answers[command];
          return text === undefined ? ['OK'] : [`O${hex(text)}`, 'OK'];
        },
      });
      const stream = duplexOf(stub.connection);
      socket.pipe(stream).pipe(socket);
    });
    const path = scratch(`stub-${version}-${status.length}`);
    server.listen(path);
    await once(server, 'listening');
    try {
      const told = await undoStubPause(`unix:${path}`, 2000, new QmpBusyError(`unix:${path}`, 2000));
      return { told, commands };
    } finally {
      server.close();
      await once(server, 'close');
    }
  }

  it('and says nothing, as that of QEMU 10 does, has its guest resumed', async () => {
    const { told, commands } = await undo('10.0.2', 'paused');
    expect(told).to.have.property('message').that.includes('is a GDB stub').and.includes('has been resumed');
    expect(commands).to.include('cont');
  });

  it('leaves a guest paused that had been so before: QEMU 7.2 would have greeted else', async () => {
    const { told, commands } = await undo('7.2.22', 'paused');
    expect(told).to.have.property('message').that.includes('is a GDB stub').and.includes('as it was before');
    expect(commands).to.not.include('cont');
  });

  it('leaves a guest alone that is in another state than plainly paused', async () => {
    expect((await undo('10.0.2', 'paused (io-error)')).commands).to.not.include('cont');
  });
});
