import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import split2 from 'split2';
import { type ConnectError, connect } from '../../../protocols/transport/index.ts';
import { attach, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import type { ClientOrders } from '../../support/live/guest/attached-client.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { runWith } from '../../support/live/peer/run-with.ts';
import { SshDaemon } from '../../support/live/reach/ssh-daemon.ts';
import { TCP_MONITOR, tcpMonitorPort } from '../../support/live/reach/tcp-monitor.ts';
import { type PagewalkExit, runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { untilPasses } from '../../support/until-passes.ts';

const PATH = process.env['PATH'] ?? '';
/** Of long4: a user page, at 0x120000. */
const ADDRESS = '0xffff800000000123';
const ANSWER = '0xffff800000000123  0x120123  4K  rwxu\n';
const CLIENT = join(import.meta.dirname, '../../support/live/guest/attached-client.js');
/** A helper on this host, as short as one can be: a shell in it is a shell. */
const HERE = 'env';
/** What `socat - TCP:` does. */
const BRIDGE = `
import os, select, socket, sys
there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while True:
    for ready in select.select([0, there], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else there.recv(65536)
        if not data:
            sys.exit()
        there.sendall(data) if ready == 0 else os.write(1, data)
`;

describe('a guest of another host', function () {
  this.timeout(120_000);
  const scratch = useScratchDirectory();
  let guest: QemuProcess;
  let witness: Witness;
  /** Of a second monitor. */
  let port: number;

  before(async () => {
    guest = await launchKernel('long4', { gdb: false, extraArgs: TCP_MONITOR });
    port = await tcpMonitorPort(guest);
    witness = await Witness.of(guest);
  });

  after(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  const run = (words: readonly string[], host: string): Promise<PagewalkExit> =>
    runPagewalk([...words, '--qmp', guest.qmpEndpoint, '--host', host], { PATH });

  async function expectAsFound(): Promise<void> {
    expect(await witness.runState()).to.equal('running');
    expect((await witness.chardevs()).filter((each) => /^pagewalk-[0-9a-f]{8} /.test(each))).to.deep.equal([]);
    expect(await witness.execute('query-fdsets')).to.deep.equal([]);
  }

  it('gives everything over ssh: a stub, device state, the memory of its process; and is left as it was found', async () => {
    await using daemon = await SshDaemon.start();
    const { status, stdout, stderr } = await run(['state', '--json', '--timeout', '60000'], daemon.command);
    expect(status, stderr).to.equal(0);
    const state = JSON.parse(stdout);
    expect(state.registers.pkru).to.deep.include({ source: 'device-state', value: '0xc0000024' });
    expect(state.memoryAccess.provider, JSON.stringify(state.memoryAccess)).to.equal('host-process');
    await expectAsFound();
  });

  /** Where no descriptor gets to: a monitor on a port of that host, and one that a command of this host leads to. */
  const withoutDescriptors = (over = ''): Readonly<Record<string, string>> => {
    writeFileSync(scratch('bridge.py'), BRIDGE);
    return {
      'a port': `tcp:localhost:${port}`,
      'a command': `exec:${over} python3 ${scratch('bridge.py')} ${port}`.replace(/: /, ':'),
    };
  };

  for (const way of ['a port', 'a command']) {
    it(`gives everything also where its monitor is reached by ${way}, and nothing stays of what it takes`, async () => {
      await using daemon = await SshDaemon.start();
      const folder = scratch(`folder-${way.length}`);
      mkdirSync(folder);
      const qmp = withoutDescriptors(daemon.command)[way] ?? '';
      const host = `${daemon.command} env TMPDIR=${folder}`;
      const words = ['state', '--json', '--timeout', '60000', '--qmp', qmp, '--host', host];
      const { status, stdout, stderr } = await runPagewalk(words, { PATH });
      expect(status, stderr).to.equal(0);
      const state = JSON.parse(stdout);
      expect(state.registers.pkru).to.deep.include({ source: 'device-state', value: '0xc0000024' });
      expect(state.memoryAccess.provider, JSON.stringify(state.memoryAccess)).to.equal('host-process');
      await untilEmpty(folder);
      await expectAsFound();
    });

    it(`runs on after a client that was killed in the pause, with its monitor reached by ${way}`, async () => {
      const folder = scratch(`killed-${way.length}`);
      mkdirSync(folder);
      await runsOnWithoutClient(`host:[env TMPDIR=${folder}]${withoutDescriptors()[way]}`);
      await untilEmpty(folder);
    });
  }

  /** A helper over ssh hears of its end when its client has gone. */
  const untilEmpty = (folder: string): Promise<void> =>
    untilPasses(async () => {
      expect(readdirSync(folder)).to.deep.equal([]);
    });

  it('is asked for its device state more than once, by a path too', async () => {
    const guestThere = await attach({ qmp: `host:[${HERE}]tcp:localhost:${port}` });
    try {
      for (const _ of [1, 2, 3]) {
        const view = await guestThere.pause();
        expect((await view.vcpuState()).pkru).to.include({ from: 'device-state', value: 0xc000_0024 });
        await guestThere.resume();
      }
    } finally {
      await guestThere.detach();
    }
    await expectAsFound();
  });

  it('of another user is reached by a port with a helper that is root', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const extraArgs = [...runWith({ user: 'nobody' }), ...TCP_MONITOR];
    await using foreign = await launchKernel('long4', { gdb: false, extraArgs });
    const qmp = `tcp:localhost:${await tcpMonitorPort(foreign)}`;
    const words = ['state', '--json', '--qmp', qmp, '--host', HERE];
    const { status, stdout, stderr } = await runPagewalk(words, { PATH });
    expect(status, stderr).to.equal(0);
    const state = JSON.parse(stdout);
    expect(state.registers.pkru.source, JSON.stringify(state.registers.pkru)).to.equal('device-state');
    expect(state.memoryAccess.provider, JSON.stringify(state.memoryAccess)).to.equal('host-process');
  });

  it('that has no folder in common with the helper says what was tried, and what helps', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const host = `unshare --mount sh -c 'mount -t tmpfs none /mnt && TMPDIR=/mnt exec "$@"' sh`;
    const { status, stderr } = await runPagewalk(['state', '--qmp', `tcp:localhost:${port}`, '--host', host], { PATH });
    expect(status).to.equal(3);
    expect(stderr).to.match(
      /Tried: by a socket of the helper there \(.*\/mnt\/pagewalk-[0-9a-f]{12}\/gdb.*No such file/s,
    );
    expect(stderr).to.include('TMPDIR=DIR').and.to.include('--qmp unix:PATH');
    await expectAsFound();
  });

  it('without a helper has no stub by itself, and that is said, with what helps', async () => {
    const qmp = withoutDescriptors()['a command'] ?? '';
    const { status, stderr } = await runPagewalk(['state', '--qmp', qmp], { PATH });
    expect(status).to.equal(3);
    expect(stderr).to.match(
      /has no GDB stub and is not on this host\. What helps: .*add --host 'ssh lab'.*pass --gdb/s,
    );
    await expectAsFound();
  });

  it('is mapped as on its own host, and live', async () => {
    const ranges = async (qmp: string): Promise<{ all: readonly string[]; flights: string }> => {
      const all: string[] = [];
      const flights = await withPausedGuest({ qmp, watchdog: false }, async (view) => {
        await view.mapRanges(({ first, last, rights }) => {
          all.push(`${first} ${last} ${JSON.stringify(rights)}`);
          return true;
        });
        return (await view.memoryReport()).provider;
      });
      return { all, flights };
    };
    const there = await ranges(`host:[${HERE}]${guest.qmpEndpoint}`);
    expect(there).to.deep.equal(await ranges(guest.qmpEndpoint));
    expect(there.flights).to.equal('host-process');
    await witness.runState();
    const { stops } = witness;
    const live = await attach({ qmp: `host:[${HERE}]${guest.qmpEndpoint}` });
    try {
      const access = { write: false, user: false, exec: false };
      const [answer] = await (await live.live()).translate([{ linearAddress: BigInt(ADDRESS), access }]);
      expect(answer?.translation).to.deep.include({ kind: 'mapped', physicalAddress: 0x120123n });
    } finally {
      await live.detach();
    }
    expect(await witness.runState()).to.equal('running');
    expect(witness.stops).to.equal(stops);
  });

  it('runs on after a client that was killed in the pause', () =>
    runsOnWithoutClient(`host:[${HERE}]${guest.qmpEndpoint}`));

  async function runsOnWithoutClient(qmp: string): Promise<void> {
    const orders: ClientOrders = { qmp, until: 'paused' };
    const client = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(client.stdout.pipe(split2()), 'data');
    expect(line).to.equal('paused');
    expect(await witness.runState()).to.equal('paused');
    client.kill('SIGKILL');
    await once(client, 'exit');
    await untilPasses(expectAsFound, 20_000);
  }

  it('is asked by the stub that it has, where that is proven to be its own', async () => {
    const path = scratch('gdb');
    await witness.hmp(`gdbserver unix:${path},server=on,wait=off`);
    try {
      const own = await run(['translate', ADDRESS, '--brief'], HERE);
      expect(own.stdout, own.stderr).to.equal(ANSWER);
      const named = await run(['translate', ADDRESS, '--brief', '--gdb', `unix:${path}`], HERE);
      expect(named.stdout, named.stderr).to.equal(ANSWER);
    } finally {
      await witness.hmp('gdbserver none');
    }
    await expectAsFound();
  });

  for (const [title, host, code, message, timeoutMs = 30_000] of [
    ['ends at once', 'exit 7;', 'HOST', /it ended with status 7/],
    ['is not there', '/nowhere/ssh', 'HOST', /status 127.*not found/s],
    ['says what no agent says', `printf '\\npagewalk-agent 1\\n'; yes;`, 'HOST', /what no agent says \(a frame of/],
    ['says endless other things', 'yes;', 'HOST', /a long text and no greeting/],
    ['says nothing', 'sleep 30;', 'TIMEOUT', /did not answer within 500 ms/, 500],
  ] as const) {
    it(`is not reached by a helper that ${title}, and that is said`, async () => {
      const error = await expectRejection(connect(`host:[${host}]unix:/run/vm.qmp`, { timeoutMs }));
      expect((error as ConnectError).code).to.equal(`ERR_TRANSPORT_${code}`);
      expect(String(error)).to.match(message);
      // It is long, and in the endpoint already.
      expect(String(error)).not.to.include(`(${host})`);
    });
  }

  it('is not reached where it has no such socket, or no Python, and that is said', async () => {
    const absent = await expectRejection(connect(`host:[${HERE}]unix:/nowhere/vm.qmp`, { timeoutMs: 30_000 }));
    expect((absent as ConnectError).code).to.equal('ERR_TRANSPORT_NOT_FOUND');
    writeFileSync(scratch('shell'), 'read -r line; echo "sh: exec: python3: not found" >&2; exit 127\n');
    const plain = await expectRejection(
      connect(`host:[sh ${scratch('shell')}]unix:/run/vm.qmp`, { timeoutMs: 30_000 }),
    );
    expect(String(plain)).to.include('there is no python3 on that host');
  });
});
