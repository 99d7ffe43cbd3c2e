import { duplexPair } from 'node:stream';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import type { DescriptorCarrier } from '../../../../protocols/transport/internal.ts';
import { HandedStub, newHandedId } from '../../../../src/guest/stub/handed-stub.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeQmpServer, GREETING, type SeenRequest } from '../../../support/fakes/fake-qmp-server.ts';

const ID = 'pagewalk-test';
const LISTENS = `Waiting for gdb connection on device 'chardev:${ID}'\n`;

/** What QEMU says to a command; an Error is a refusal, undefined no answer at all. */
type Answers = (command: string) => unknown;

async function start(answers: Answers, requestTimeoutMs = 5000) {
  const server = new FakeQmpServer();
  server.sayLine(GREETING);
  const qmp = await QmpClient.connect(server.connection, { requestTimeoutMs });
  const seen: string[] = [];
  let answered = 0;
  const answer = (request: SeenRequest): void => {
    const line = request.arguments?.['command-line'];
    const command = typeof line === 'string' ? line : request.execute;
    seen.push(command);
    const value = answers(command);
    if (value instanceof Error) {
      server.sayLine(JSON.stringify({ id: request.id, error: { class: 'GenericError', desc: value.message } }));
    } else if (value !== undefined) server.reply(request, value);
  };
  const serve = async (): Promise<void> => {
    for (;;) {
      const requests = await server.received(answered + 1);
      for (const request of requests.slice(answered)) answer(request);
      answered = requests.length;
    }
  };
  void serve();
  let closed = 0;
  const carrier: DescriptorCarrier = {
    makeStream: () => {
      const [stream] = duplexPair();
      const close = (): Promise<void> => {
        closed += 1;
        return Promise.resolve();
      };
      const connection = { endpoint: 'libvirt:vm (GDB stub)', stream, explainEnd: () => '', close };
      return Promise.resolve({ connection, handed: { number: 5 } });
    },
    makeFile: () => {
      throw new Error('no file here');
    },
    send: (text) => server.connection.stream.write(`${text}\n`, 'utf8'),
  };
  Object.assign(server.connection, { carrier });
  return { stub: new HandedStub(qmp, carrier, ID), qmp, seen, closed: () => closed };
}

const chardevs = (...labels: readonly string[]) =>
  labels.map((label) => ({ label, filename: 'fd', 'frontend-open': true }));

describe('a stub on a connection that was handed over', () => {
  it('is taken back as long as it is the stub that QEMU has', async () => {
    const { stub, qmp, seen } = await start((command) => {
      if (command === 'query-chardev') return chardevs(ID);
      if (command === 'chardev-remove') return new Error(`Chardev '${ID}' is busy`);
      return command.startsWith('gdbserver') ? LISTENS : {};
    });
    await stub.connect();
    seen.length = 0;
    await stub.remove();
    expect(seen).to.deep.equal(['chardev-remove', 'query-chardev', 'gdbserver none', 'closefd']);
    expect(stub.isThere).to.equal(false);
    await qmp.close();
  });

  for (const [what, labels] of [
    ['has taken its place', ['gdb']],
    ['is on a device of its own', [ID, 'gdb']],
  ] as const) {
    it(`leaves the stub of another client alone that ${what}`, async () => {
      const { stub, qmp, seen } = await start((command) =>
        command === 'query-chardev' ? chardevs(...labels) : command.startsWith('gdbserver') ? LISTENS : {},
      );
      await stub.connect();
      await stub.remove();
      expect(seen).to.not.include('gdbserver none');
      expect(seen).to.include('closefd');
      await qmp.close();
    });
  }

  it('that QEMU refuses to start ends no stub, and its device goes', async () => {
    const { stub, qmp, seen, closed } = await start((command) =>
      command === 'query-chardev' ? chardevs(ID) : command.startsWith('gdbserver') ? 'Could not open gdbserver\n' : {},
    );
    expect(await expectRejection(stub.connect())).to.have.property('code', 'ERR_GUEST_STUB_START');
    await stub.remove();
    expect(seen).to.include('chardev-remove').and.to.not.include('gdbserver none');
    expect(closed()).to.equal(1);
    await qmp.close();
  });

  it('whose device QEMU refuses leaves no descriptor in QEMU', async () => {
    const { stub, qmp, seen, closed } = await start((command) => {
      if (command === 'query-chardev') return chardevs('another');
      return command === 'chardev-add' || command === 'chardev-remove' ? new Error('refused') : {};
    });
    expect((await expectRejection(stub.prepare())).message).to.include('refused');
    expect(seen).to.deep.equal(['getfd', 'chardev-add', 'chardev-remove', 'query-chardev', 'closefd']);
    expect({ isThere: stub.isThere, closed: closed() }).to.deep.equal({ isThere: false, closed: 1 });
    await qmp.close();
  });

  it('of which QEMU says nothing in time is known to be there, perhaps', async () => {
    const { stub, qmp } = await start((command) => (command === 'getfd' ? {} : undefined), 20);
    expect(await expectRejection(stub.prepare())).to.have.property('code', 'ERR_QMP_TIMEOUT');
    expect(stub.isThere).to.equal(true);
    await qmp.close();
  });

  it('is handed over once for a connection, and where its stub has failed the device goes first', async () => {
    const { stub, qmp, seen, closed } = await start((command) => {
      if (command === 'query-chardev') return [];
      return command.startsWith('gdbserver') ? LISTENS : {};
    });
    expect([stub.id, stub.endpoint, stub.isThere]).to.deep.equal([ID, '', false]);
    const handed = await stub.prepare();
    expect(await stub.prepare()).to.equal(handed);
    expect([stub.endpoint, stub.isThere]).to.deep.equal(['libvirt:vm (GDB stub)', true]);
    expect(seen.splice(0)).to.deep.equal(['getfd', 'chardev-add']);
    expect(await stub.connect()).to.equal(handed.connection);
    expect(seen.splice(0)).to.deep.equal([`gdbserver chardev:${ID}`]);
    expect(await stub.connect()).to.not.equal(handed.connection);
    expect(seen.splice(0)).to.deep.equal([
      ...['chardev-remove', 'closefd', 'getfd', 'chardev-add', `gdbserver chardev:${ID}`],
    ]);
    await stub.prepare();
    await stub.remove();
    expect([stub.isThere, closed()]).to.deep.equal([false, 1]);
    await stub.prepare();
    expect(stub.isThere).to.equal(true);
    await qmp.close();
  });

  for (const [what, says, told] of [
    ['it fails', 'Could not open gdbserver\r\n', 'Could not open gdbserver'],
    ['there is one', 'duplicate yank instance\r\n', 'exists'],
  ] as const) {
    it(`is told of in QEMU’s words where ${what}, and tried on a fresh device`, async () => {
      const { stub, qmp, seen } = await start((command) => {
        if (command === 'query-chardev') return [];
        return command.startsWith('gdbserver') ? says : {};
      });
      const error = await expectRejection(stub.connect());
      expect(error).to.include({ code: 'ERR_GUEST_STUB_START', stub: ID });
      expect(error.message).to.equal(
        `QEMU behind ${qmp.endpoint} would not start a GDB stub: ${told}. Start one by hand and pass --gdb`,
      );
      seen.length = 0;
      await expectRejection(stub.connect());
      expect(seen, 'no stub was there to be taken away').to.deep.equal([
        'getfd',
        'chardev-add',
        `gdbserver chardev:${ID}`,
      ]);
      await qmp.close();
    });
  }

  it('has a name that no other has', () => {
    const ids = Array.from({ length: 16 }, newHandedId);
    expect(new Set(ids).size).to.equal(16);
    expect(ids.filter((id) => !/^pagewalk-[0-9a-f]{8}$/.test(id))).to.deep.equal([]);
  });
});
