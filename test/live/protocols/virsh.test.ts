import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { type ConnectError, type Connection, connect } from '../../../protocols/transport/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/**
 * A virsh as Debian's behaves (9.0): it echoes what it reads, and prints what QEMU answers in one line. Unlike that it can be had to
 * end, to refuse and to be silent at a chosen moment.
 */
const VIRSH = `#!/bin/bash
case " $* " in *' qemu-monitor-event '*)
  echo "event STOP at 12.345678 for domain 'vm': <null>"
  echo "event JOB at 13.000005 for domain 'vm': {\\"id\\":\\"j\\"}"
  echo "event RESET at 14.000005 for domain 'vm': {no json"
  echo 'Domain event'
  exec sleep 100;;
esac
case $WAY in
  ends) exit 3;;
  complains) echo 'error: failed to connect to the hypervisor' >&2; exit 1;;
  killed) kill -9 $$;;
esac
while IFS= read -r line; do
  printf '%s\\n' "$line"
  case $line in
    'echo --err '*) eval "echo \${line#echo --err }" >&2;;
    'echo '*) [ "$WAY" = hangs ] || eval "echo \${line#echo }";;
    *query-version*)
      case $WAY in
        answers) echo '{"return":{"qemu":{"major":8,"minor":0,"micro":0},"package":""},"id":"libvirt-1"}';;
        stopped) echo 'error: Requested operation is not valid: domain is not running' >&2;;
        absent) echo "error: failed to get domain 'vm'" >&2;;
        denied) echo 'error: authentication unavailable: no polkit agent' >&2;;
        odd) echo '{"return":7,"id":"libvirt-1"}';;
        endless) head -c 30000000 /dev/zero | tr '\\0' 'x';;
      esac;;
    *leading*) echo '{"id":"libvirt-2","return":{"is":1}}';;
    *plain*) echo '{"return":{"is":2}}';;
    *refused*) echo 'error: internal error: client socket is closed' >&2;;
    *gone*) echo 'error: Domain not found: no domain with matching name' >&2;;
    *die*) exit 4;;
  esac
done`;

describe('virsh, where it does not do what is wanted', () => {
  const scratch = useScratchDirectory();
  const { PATH = '' } = process.env;

  before(() => {
    writeFileSync(scratch('virsh'), VIRSH);
    chmodSync(scratch('virsh'), 0o755);
  });

  afterEach(() => {
    process.env['PATH'] = PATH;
    delete process.env['WAY'];
  });

  const open = (way: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<Connection> => {
    process.env['PATH'] = `${scratch('.')}:${PATH}`;
    process.env['WAY'] = way;
    return connect('libvirt:qemu:///system/vm', { timeoutMs: 20_000, ...options });
  };

  for (const [way, code, message] of [
    ['ends', 'LIBVIRT', /virsh ended with status 3/],
    ['killed', 'LIBVIRT', /: Killed$|virsh was ended by SIGKILL/],
    ['complains', 'LIBVIRT', /failed to connect to the hypervisor/],
    ['stopped', 'LIBVIRT', /domain is not running/],
    ['absent', 'LIBVIRT', /failed to get domain 'vm'; "virsh list" shows the domains that run/],
    ['denied', 'LIBVIRT', /no polkit agent; be root, or a member of the group/],
    ['odd', 'LIBVIRT', /QEMU does not say its version: \{"return":7/],
    ['silent', 'LIBVIRT', /virsh gave no answer/],
    ['endless', 'LIBVIRT', /virsh printed a line of more than 20971520 characters/],
  ] as const) {
    it(`says so, and what virsh said: ${way}`, async () => {
      const error = (await expectRejection(open(way))) as ConnectError;
      expect(error).to.include({ code: `ERR_TRANSPORT_${code}` });
      expect(error.message)
        .to.match(/^cannot connect to libvirt:qemu/)
        .and.match(message);
    });
  }

  it('is waited for no longer than was said, and until its caller abandons it', async () => {
    expect(await expectRejection(open('hangs', { timeoutMs: 300 }))).to.include({ code: 'ERR_TRANSPORT_TIMEOUT' });
    const signal = AbortSignal.timeout(300);
    expect(await expectRejection(open('hangs', { signal }))).to.include({ code: 'ERR_TRANSPORT_ABORTED' });
    expect(await expectRejection(open('answers', { signal }))).to.include({ code: 'ERR_TRANSPORT_ABORTED' });
  });

  it('is named where there is none', async () => {
    process.env['PATH'] = scratch('nothing');
    const error = await expectRejection(connect('libvirt:qemu:///system/vm', { timeoutMs: 20_000 }));
    expect(String(error)).to.contain('there is no virsh here; Debian has it in libvirt-clients');
  });

  it('passes on answers under the numbers of the questions, refusals and events, and says why it ended', async () => {
    const connection = await open('answers');
    const stream = connection.stream as unknown as Duplex;
    const lines = createInterface(stream)[Symbol.asyncIterator]();
    const said: Record<string, unknown>[] = [];
    const until = async (isIt: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error('the stream ended');
        const message = JSON.parse(value) as Record<string, unknown>;
        said.push(message);
        if (isIt(message)) return message;
      }
    };
    const ask = (execute: string, id: number): Promise<Record<string, unknown>> => {
      stream.write(`${JSON.stringify({ execute, id })}\n`);
      return until((message) => message['id'] === id);
    };
    await until((message) => 'QMP' in message);
    expect(await ask('qmp_capabilities', 1)).to.deep.equal({ return: {}, id: 1 });
    expect(await ask('leading', 2)).to.deep.equal({ id: 2, return: { is: 1 } });
    const refusal = await ask('refused', 3);
    expect(refusal['error']).to.deep.equal({
      class: 'Undelivered',
      desc: 'internal error: client socket is closed',
    });
    stream.write('{"execute":"plain"}\n');
    expect(await until((message) => 'return' in message)).to.deep.equal({ return: { is: 2 } });
    const [first, second] = [await connection.carrier?.makeStream(), await connection.carrier?.makeStream()];
    expect(first?.connection.socket).to.include({ kind: 'handed' });
    expect(second?.handed).to.not.equal(first?.handed);
    const file = connection.carrier?.makeFile();
    expect(file?.take(16)).to.have.lengthOf(0);
    file?.close();
    // Another virsh waits for events: they come whenever it is there.
    const events = (): Record<string, unknown>[] => said.filter(({ event }) => event !== undefined);
    while (events().length < 3) await until(({ event }) => event !== undefined);
    expect(events()).to.deep.equal([
      { timestamp: { seconds: 12, microseconds: 345678 }, event: 'STOP' },
      { timestamp: { seconds: 13, microseconds: 5 }, event: 'JOB', data: { id: 'j' } },
      { timestamp: { seconds: 14, microseconds: 5 }, event: 'RESET' },
    ]);
    stream.write('{"execute":"gone","id":4}\n');
    await once(stream, 'end');
    expect(connection.explainEnd()).to.match(/Domain not found/);
    for (const each of [first, second]) await each?.connection.close();
    await connection.close();
    await connection.close();
  });

  it('is asked of the libvirt that its own variable names, and without a file where none can be made', async () => {
    const { TMPDIR, LIBVIRT_DEFAULT_URI } = process.env;
    process.env['PATH'] = `${scratch('.')}:${PATH}`;
    process.env['WAY'] = 'answers';
    Object.assign(process.env, { TMPDIR: scratch('nothing'), LIBVIRT_DEFAULT_URI: 'qemu:///session' });
    try {
      const connection = await connect('libvirt:vm', { timeoutMs: 20_000 });
      expect(() => connection.carrier?.makeFile()).to.throw('no file can be made in the temporary folder');
      await connection.close();
      connection.carrier?.send?.('{"execute":"late"}', { number: 5 });
    } finally {
      for (const [name, value] of Object.entries({ TMPDIR, LIBVIRT_DEFAULT_URI })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it('that ends in the middle of a question ends the connection', async () => {
    const connection = await open('answers');
    const stream = connection.stream as unknown as Duplex;
    stream.resume().write('{"execute":"die","id":5}\n');
    await once(stream, 'end');
    expect(connection.explainEnd()).to.equal('virsh ended with status 4');
    await connection.close();
  });
});
