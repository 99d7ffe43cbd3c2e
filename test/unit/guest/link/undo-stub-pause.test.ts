import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { QmpBusyError, QmpProtocolError } from '../../../../protocols/qmp/index.ts';
import { duplexOf } from '../../../../protocols/transport/internal.ts';
import { leaveByMistake, undoStubPause } from '../../../../src/guest/link/undo-stub-pause.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';
import { type FakeQemuOptions, console as printed } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
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

  describe('that is left by mistake', () => {
    const machines = useFakeQemus();

    /** Leaves a stub that was just connected to: what is told, and what it was asked. */
    async function leave(how: Omit<FakeQemuOptions, 'path'>, hasGreeted = false) {
      const machine = await machines.start(how);
      const open = (): Promise<GdbClient> => GdbClient.open(machine.gdbEndpoint, { timeoutMs: 2000 });
      const gdb = await open();
      const states = machine.takeStates();
      machine.takeDebugged();
      const outcome = await leaveByMistake(gdb, hasGreeted, open).catch((error: unknown) => error);
      expect(gdb.state).to.equal('closed');
      await eventually('it was left', () => !machine.hasDebugger, { betweenMs: 1 });
      return { outcome, asked: machine.takeDebugged(), states: [...states, ...machine.takeStates()] };
    }

    const ASKED = ['monitor info status', 'monitor info version'];
    const RESUMED = ['monitor info status', 'monitor cont'];

    it('is resumed where it ran: QEMU 7.2 has greeted', async () => {
      expect(await leave({}, true)).to.deep.equal({
        outcome: 'Connecting to it paused the guest, which has been resumed',
        asked: [...ASKED, ...RESUMED, 'close'],
        states: ['paused: a debugger', 'running: cont of the stub'],
      });
    });

    it('is resumed where it cannot be told, and that is said', async () => {
      const doubt = ', if it ran before: this QEMU does not tell';
      const { outcome } = await leave({ version: [10, 0, 2], status: 'paused' });
      expect(outcome).to.equal(`Connecting to it paused the guest, which has been resumed${doubt}`);
      const greeted = await leave({ version: [10, 0, 2] }, true);
      expect(greeted.outcome).to.equal('Connecting to it paused the guest, which has been resumed');
    });

    it('stays paused where it had been so', async () => {
      expect(await leave({ status: 'paused' })).to.deep.equal({
        outcome: 'The guest is paused, as it was before',
        asked: [...ASKED, 'close'],
        states: [],
      });
      expect((await leave({ status: 'io-error' }, true)).outcome).to.equal('The guest is io-error, as it was before');
    });

    it('is told of where QEMU refuses', async () => {
      const stub = (request: string): readonly string[] | 'default' =>
        request === 'monitor cont' ? printed('Error: locked\r\n') : 'default';
      expect((await leave({ stub }, true)).outcome).to.have.property('message', 'QEMU says: "Error: locked"');
    });

    it('is stopped by a fresh connection where it had left', async () => {
      let looks = 0;
      const stub = (request: string): readonly string[] | 'default' => {
        if (request !== 'monitor info status') return 'default';
        looks += 1;
        return looks === 2 ? printed('VM status: paused (postmigrate)\r\n') : 'default';
      };
      const { outcome, states } = await leave({ stub }, true);
      expect(outcome).to.equal(
        'Another client has migrated the guest away meanwhile: it is paused, and not to be resumed here',
      );
      expect(states).to.deep.equal(['paused: a debugger', 'running: cont of the stub', 'paused: a debugger']);
    });
  });

  it('is told as it came where it was something else', async () => {
    const path = scratch('no-one-is-there');
    const others = [
      new Error('of another kind'),
      new QmpProtocolError({ endpoint: 'unix:/x', expected: 'a greeting', received: 'SSH-2.0' }),
      new QmpBusyError(`unix:${path}`, 2000),
      new QmpProtocolError({ endpoint: 'unix:/x', expected: 'a greeting', received: '+$T05thread:01;#07' }),
    ];
    for (const error of others) expect(await undoStubPause(`unix:${path}`, 2000, error)).to.equal(error);
  });
});
