import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { ConnectError, type Connection, connect, duplexOf } from '../../../protocols/transport/internal.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { eventually } from '../../support/eventually.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';

const TIMEOUT = { timeoutMs: 5000 };

async function connectFailure(
  endpoint: string,
  options: { timeoutMs: number; signal?: AbortSignal } = TIMEOUT,
): Promise<ConnectError> {
  const error = await connect(endpoint, options).then(
    () => expect.fail(`connected to ${endpoint}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw error;
  return error;
}

/** Everything that comes until the stream ends. */
async function readAll(connection: Connection): Promise<string> {
  const stream = duplexOf(connection);
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  return text;
}

async function firstData(connection: Connection): Promise<string> {
  const stream = duplexOf(connection);
  return new Promise((resolve) => stream.once('data', (chunk: Buffer) => resolve(chunk.toString())));
}

describe('connect', () => {
  let qemu: QemuProcess;
  before(async () => {
    qemu = await launchQemu({ paused: true, debugcon: false });
  });
  after(async () => {
    await qemu.stop();
  });

  it('says that a socket is not there', async () => {
    const error = await connectFailure(`unix:${qemu.directory}/nothing`);
    expect(error).to.include({ code: 'ERR_TRANSPORT_NOT_FOUND', endpoint: `unix:${qemu.directory}/nothing` });
  });

  it('says that no process listens on a port', async () => {
    expect(await connectFailure('tcp:127.0.0.1:1')).to.include({ code: 'ERR_TRANSPORT_REFUSED' });
  });

  it('says that a host is unknown', async () => {
    expect(await connectFailure('tcp:no-such-host.invalid:1')).to.include({ code: 'ERR_TRANSPORT_RESOLVE' });
  });

  it('does nothing once it was aborted', async () => {
    const reason = new Error('Ctrl-C');
    for (const endpoint of [qemu.qmpEndpoint, 'exec:cat']) {
      const error = await connectFailure(endpoint, { ...TIMEOUT, signal: AbortSignal.abort(reason) });
      expect(error).to.include({ code: 'ERR_TRANSPORT_ABORTED' }).and.have.property('cause', reason);
    }
  });

  it('says that others are waiting already', async () => {
    const connections: Connection[] = [];
    try {
      // One client that QEMU serves, then as many as the system queues for it.
      const queue = (async () => {
        for (;;) connections.push(await connect(qemu.qmpEndpoint, TIMEOUT));
      })();
      const error = await queue.catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(ConnectError).and.include({ code: 'ERR_TRANSPORT_BACKLOG' });
      expect(connections.length).to.be.within(1, 4);
    } finally {
      for (const connection of connections) await connection.close();
    }
  });

  it('closes more than once, and says nothing of an end that was wanted', async () => {
    const connection = await connect(qemu.qmpEndpoint, TIMEOUT);
    expect(await firstData(connection)).to.match(/^\{"QMP"/);
    await Promise.all([connection.close(), connection.close()]);
    expect(duplexOf(connection).destroyed).to.equal(true);
    expect(connection.explainEnd()).to.equal('');
  });
});

describe('connect to a command', () => {
  it('gives its output and takes its input', async () => {
    const connection = await connect('exec:tr a-z A-Z', TIMEOUT);
    duplexOf(connection).end('words');
    expect(await readAll(connection)).to.equal('WORDS');
    expect(connection.explainEnd()).to.equal('the command ended with status 0');
    await connection.close();
  });

  it('passes much through in both directions', async () => {
    const connection = await connect('exec:cat', TIMEOUT);
    const text = 'x'.repeat(3_000_000);
    duplexOf(connection).end(text);
    expect((await readAll(connection)).length).to.equal(text.length);
    await connection.close();
  });

  it('knows why it ended by the time that it ends', async () => {
    const connection = await connect('exec:echo one >&2; echo two >&2; exit 3', TIMEOUT);
    await readAll(connection);
    expect(connection.explainEnd()).to.equal('the command ended with status 3 and said: one\ntwo');
    await connection.close();
  });

  it('says that there is no such command', async () => {
    const connection = await connect('exec:/no/such/command', TIMEOUT);
    await readAll(connection);
    expect(connection.explainEnd()).to.match(/ended with status 127 and said: .*\/no\/such\/command/);
    await connection.close();
  });

  it('keeps only the last of what it says on standard error', async () => {
    const connection = await connect('exec:seq 100000 >&2; exit 1', TIMEOUT);
    await readAll(connection);
    expect(connection.explainEnd()).to.match(/99999\n100000$/);
    expect(connection.explainEnd().length).to.be.lessThan(2200);
    await connection.close();
  });

  it('leaves nothing behind of a whole pipeline, even one that does not listen', async () => {
    const connection = await connect('exec:trap "" TERM; sh -c \'echo $$; sleep 60\' | cat', TIMEOUT);
    const pid = Number(await firstData(connection));
    expect(isRunning(pid)).to.equal(true);
    await Promise.all([connection.close(), connection.close()]);
    expect(isRunning(pid)).to.equal(false);
  });

  it('does not outlive a process that is killed, even if it looks at no input and at no SIGTERM', async () => {
    const library = new URL('../../../protocols/transport/index.js', import.meta.url).href;
    const command = 'exec:trap "" TERM; echo $$; while :; do sleep 1; done';
    const program = `
      const { connect } = await import(${JSON.stringify(library)});
      const { stream } = await connect(${JSON.stringify(command)}, { timeoutMs: 5000 });
      stream.once('data', (pid) => process.stdout.write(pid, () => process.kill(process.pid, 'SIGKILL')));`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = await once(owner.stdout, 'data');
    expect(Number(pid)).to.be.above(1);
    await eventually('the command has ended', () => !isRunning(Number(pid)));
  });

  it('does not get the signals of the terminal', async () => {
    const connection = await connect('exec:cut -d " " -f 5 /proc/$$/stat; cat', TIMEOUT);
    const group = Number(await firstData(connection));
    await connection.close();
    expect(group).to.be.greaterThan(0).and.not.equal(process.pid);
  });
});
