import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TraceRecord } from '../../../../../protocols/transport/index.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { parseOptions } from '../../../../../src/cli/options/parse-options.ts';
import type { NamedGuest, OpenOptions } from '../../../../../src/cli/options/sources/named-guest.ts';
import { findGuestsOf, hostOf, NamedQemu, timeoutOf } from '../../../../../src/cli/options/sources/qemu-source.ts';
import { parseSource, SOURCE_OPTIONS } from '../../../../../src/cli/options/sources/sources.ts';
import { GuestUsageError } from '../../../../../src/guest/index.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

const NOTHING = { qmp: undefined, gdb: undefined, timeoutMs: undefined, maxPauseMs: undefined };

describe('a QEMU by its endpoints', () => {
  let folder = '';
  let path = '';
  let server: Server;
  let clients: Socket[] = [];
  const log: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    path = join(folder, 'socket');
    clients = [];
    log.length = 0;
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  /** A server that says this to each client, and nothing to anything. */
  async function serve(words: string): Promise<void> {
    server = createServer((socket) => {
      log.push('connected');
      clients.push(socket);
      socket.on('error', () => {}).resume();
      if (words !== '') socket.write(words);
    });
    server.listen(path);
    await once(server, 'listening');
  }

  const how = (parts: Partial<OpenOptions> = {}): OpenOptions => ({
    ...{ hostMemory: false, live: false, trace: undefined, signal: new AbortController().signal },
    ...parts,
  });

  it('is there where its sockets are', async () => {
    await serve('');
    new NamedQemu({ ...NOTHING, qmp: `unix:${path}`, gdb: 'tcp:localhost:1' }).expectThere();
    for (const endpoints of [{ qmp: `unix:${path}.no` }, { qmp: 'tcp:localhost:1', gdb: `unix:${path}.no` }]) {
      expect(() => new NamedQemu({ ...NOTHING, ...endpoints }).expectThere()).to.throw(`${path}.no`);
    }
    expect(log).to.deep.equal([]);
  });

  it('has so much time to answer, on either endpoint, and its trace has what was said', async () => {
    await serve('');
    const monitor = new NamedQemu({ ...NOTHING, qmp: `unix:${path}`, timeoutMs: 30 });
    expect((await expectRejection(monitor.open(how()))).message).to.contain('no QMP greeting within 30 ms');
    const stub = new NamedQemu({ ...NOTHING, gdb: `unix:${path}`, timeoutMs: 31 });
    const records: TraceRecord[] = [];
    const trace = (record: TraceRecord): void => void records.push(record);
    expect((await expectRejection(stub.open(how({ trace })))).message).to.contain('31 ms');
    expect(records.map(({ channel, direction }) => `${channel} ${direction}`)).to.include('gdb ->');
  });

  it('is rehearsed before a stub is connected, which would pause it', async () => {
    await serve('noise\n');
    const rehearsal = async (): Promise<void> => {
      await new Promise(setImmediate);
      log.push('rehearsed');
    };
    const stub = new NamedQemu({ ...NOTHING, gdb: `unix:${path}`, timeoutMs: 200 });
    await expectRejection(stub.open(how({ rehearsal })));
    // It tries again where what answers is no stub.
    expect(log.slice(0, 2)).to.deep.equal(['rehearsed', 'connected']);
  });

  it('is rehearsed while the monitor answers, and to its end', async () => {
    await serve('noise\n');
    const monitor = new NamedQemu({ ...NOTHING, qmp: `unix:${path}`, timeoutMs: 200 });
    let end = (): void => {};
    const rehearsal = async (): Promise<void> => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      log.push('rehearsed');
    };
    const opened = expectRejection(monitor.open(how({ rehearsal }))).then((error) => {
      log.push('refused');
      return error;
    });
    while (!log.includes('connected')) await new Promise(setImmediate);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    end();
    expect((await opened).message).to.contain('noise');
    expect(log).to.deep.equal(['connected', 'rehearsed', 'refused']);
  });

  it('is not opened once the signal has fired', async () => {
    await serve('');
    const monitor = new NamedQemu({ ...NOTHING, qmp: `unix:${path}`, timeoutMs: 60_000 });
    const refused = await expectRejection(monitor.open(how({ signal: AbortSignal.abort(new Error('enough')) })));
    expect(refused.message).to.not.contain('60000');
  });

  it('is refused with the number of a process that has not its stub', async () => {
    await serve('');
    const stub = new NamedQemu({ ...NOTHING, gdb: `unix:${path}`, process: 4_194_305 });
    const refused = await expectRejection(stub.open(how()));
    expect(refused.message).to.contain('4194305');
    expect(log).to.deep.equal([]);
  });
});

describe('a QEMU of this host, by what it is called', () => {
  const parse = (...words: readonly string[]): NamedGuest =>
    parseSource(parseOptions(words, SOURCE_OPTIONS, 'map'), {}, 'map');

  it('is looked for when it is opened, once', async () => {
    const guest = parse('--guest', 'no such QEMU');
    expect(guest.whyNotLive).to.equal(null);
    const refused = await expectRejection(Promise.resolve(guest.expectThere?.()));
    expect(refused).to.be.instanceOf(GuestUsageError);
    expect(refused.message).to.match(/^no QEMU of this host that this user may see is "no such QEMU"; there /);
    const signal = new AbortController().signal;
    for (const live of [false, true]) {
      const again = guest.open({ hostMemory: true, live, trace: undefined, signal });
      expect(await expectRejection(again)).to.equal(refused);
    }
  });

  it('is looked for on the host that is named, by a helper that has to start', async () => {
    const guest = parse('--guest', 'vm', '--host', 'exit 7');
    const refused = await expectRejection(Promise.resolve(guest.expectThere?.()));
    expect(refused).to.not.be.instanceOf(GuestUsageError);
    expect(refused.message).to.match(/exit 7|status 7/);
    expect((await expectRejection(findGuestsOf('exit 7'))).message).to.equal(refused.message);
  });

  it('is one of those that are found', async () => {
    const { guests, isIncomplete } = await findGuestsOf(undefined);
    expect(guests).to.be.an('array');
    expect(isIncomplete).to.be.a('boolean');
  });

  it('has a host that is a command, and a time of its own', () => {
    expect([hostOf(undefined, 'guests'), hostOf('ssh lab', 'guests')]).to.deep.equal([undefined, 'ssh lab']);
    expect(() => hostOf(' ', 'guests'))
      .to.throw(UsageError, /^--host: .*the command is empty/)
      .that.includes({ command: 'guests' });
    expect(timeoutOf(new Map(), 'guests')).to.equal(undefined);
    expect(timeoutOf(new Map([['timeout', '7']]), 'guests')).to.equal(7);
  });
});
