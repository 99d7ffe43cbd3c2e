import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Safekeeping } from '../../../../src/guest/restore/safekeeping.ts';
import { Watchdog } from '../../../../src/guest/restore/watchdog.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeQemu } from '../../../support/fakes/machine/fake-qemu.ts';

const MODULE = new URL('../../../../src/guest/restore/watchdog.js', import.meta.url).href;
/** Where a shell finds no sleep(1), the watchdog's own program waits. */
const WAYS = { 'a shell': process.env['PATH'], 'its program': '/nowhere' } as const;

for (const [way, path] of Object.entries(WAYS)) {
  describe(`a watchdog, while ${way} waits for the end of its client`, function () {
    this.timeout(30_000);
    let folder: string;
    let qemu: FakeQemu;
    const before = process.env['PATH'];

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
      qemu = await FakeQemu.start({ path: join(folder, 'vm'), status: 'paused' });
      process.env['PATH'] = path;
    });

    afterEach(async () => {
      process.env['PATH'] = before;
      await qemu.close();
      rmSync(folder, { recursive: true });
    });

    async function start(): Promise<Watchdog> {
      const watchdog = await Watchdog.start();
      if (typeof watchdog === 'string') throw new Error(watchdog);
      return watchdog;
    }

    it('puts back what it was told last', async () => {
      const directory = { path: join(folder, 'pagewalk-x'), room: 'room' };
      mkdirSync(join(directory.path, 'room'), { recursive: true });
      const watchdog = await start();
      watchdog.say({ plan: { qmp: 'unix:/no/such/socket', resume: true } });
      watchdog.say({ plan: { qmp: qemu.qmpEndpoint, resume: true, directory } });
      watchdog.end();
      await eventually('all is put back', () => qemu.status === 'running' && !existsSync(directory.path));
      expect(qemu.asked).to.deep.equal(['query-status', 'query-status', 'cont']);
    });

    it('does nothing for a client that has put it back', async () => {
      const [told, other] = [await start(), await start()];
      told.say({ plan: { qmp: qemu.qmpEndpoint, resume: true } });
      told.say({ disarm: true });
      told.end();
      other.say({ plan: { qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint } });
      other.end();
      await eventually('the other one has come', () => qemu.requests.length === 2);
      expect(qemu.connections.monitor).to.equal(1);
      expect(qemu.status).to.equal('paused');
    });

    /** How a client ends that says this to its watchdog, and then is busy until it is ended, or for so long. */
    async function endOfClient(messages: readonly object[], busyMs: number): Promise<unknown[]> {
      const program = `
        const { Watchdog } = await import(${JSON.stringify(MODULE)});
        const watchdog = await Watchdog.start();
        for (const message of ${JSON.stringify(messages)}) watchdog.say(message);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${busyMs});
        process.exit(7);`;
      const client = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      return once(client, 'exit');
    }

    it('ends a client whose pause is over and that does not come, and resumes the guest then', async () => {
      const messages = [{ plan: { qmp: qemu.qmpEndpoint, resume: true } }, { deadline: 60_000 }, { deadline: 50 }];
      expect(await endOfClient(messages, 20_000)).to.deep.equal([null, 'SIGKILL']);
      await eventually('the guest runs', () => qemu.status === 'running');
    });

    it('ends no client that has come', async () => {
      expect(await endOfClient([{ deadline: 100 }, { deadline: null }], way === 'a shell' ? 1300 : 400)).to.deep.equal([
        7,
        null,
      ]);
    });
  });
}

describe('a watchdog that cannot be started', () => {
  let folder: string;
  const { execPath } = process;
  const before = process.env['PATH'];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    // No shell waits there.
    process.env['PATH'] = '/nowhere';
  });

  afterEach(() => {
    process.env['PATH'] = before;
    process.execPath = execPath;
    rmSync(folder, { recursive: true });
  });

  for (const [what, script, problem] of [
    ['that is not there', undefined, 'its process did not start (Error: spawn PROGRAM ENOENT)'],
    ['that ends', 'exit 3', 'its process ended at once (status 3)'],
    ['that is ended', 'kill -KILL $$', 'its process ended at once (SIGKILL)'],
  ] as const) {
    it(`says why, with a program ${what}`, async () => {
      process.execPath = join(folder, 'program');
      if (script !== undefined) writeFileSync(process.execPath, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
      const expected = problem.replace('PROGRAM', process.execPath);
      expect(await Watchdog.start()).to.equal(expected);
      const keeping = new Safekeeping({ endpoint: 'unix:/run/vm.qmp', enabled: true });
      expect(await keeping.problem()).to.equal(expected);
      expect(await keeping.trigger(), 'there is none that has it in hand').to.equal(false);
      await keeping.disarm();
    });
  }
});
