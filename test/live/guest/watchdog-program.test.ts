import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { encodeMessage, type WatchdogMessage } from '../../../src/guest/restore/watchdog-message.ts';
import { eventually } from '../../support/eventually.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

/** Seen from dist/test/live/guest, where this file runs. */
const WATCHDOG = fileURLToPath(new URL('../../../src/guest/restore/watchdog-main.js', import.meta.url));

/** A client whose watchdog is that program: what is said to it is passed on, and so are its words. It lives until it is killed. */
const CLIENT = `
import { spawn } from 'node:child_process';
const watchdog = spawn(process.execPath, [process.argv[1]], { stdio: ['pipe', 'pipe', 'inherit'] });
console.log('process ' + watchdog.pid);
watchdog.stdout.pipe(process.stdout, { end: false });
watchdog.once('exit', (code) => console.log('ended ' + code));
process.stdin.pipe(watchdog.stdin);
setInterval(() => {}, 1000);
`;
const SOON_MS = 300;
/** Longer than a process takes to be killed. */
const LATER_MS = 1500;

describe('the program of a watchdog, where no shell waits for the end of its client', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();
  let client: ChildProcess;
  let said: string;
  let silent: Server;
  let monitor: string;
  let asked: number;
  let tests = 0;

  beforeEach(async () => {
    asked = 0;
    tests += 1;
    monitor = scratch(`monitor-${tests}`);
    silent = createServer(() => {
      asked += 1;
    }).listen(monitor);
    await once(silent, 'listening');
    said = '';
    client = spawn(process.execPath, ['--input-type=module', '--eval', CLIENT, WATCHDOG], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    client.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually('it is ready', () => said.includes('ready\n'));
  });

  afterEach(async () => {
    if (client.exitCode === null && client.signalCode === null) {
      client.kill('SIGKILL');
      await once(client, 'exit');
    }
    silent.close();
    // It would try again for minutes.
    const watchdog = Number(/^process (\d+)$/m.exec(said)?.[1]);
    if (isRunning(watchdog)) process.kill(watchdog, 'SIGKILL');
  });

  function say(...messages: readonly WatchdogMessage[]): void {
    for (const message of messages) client.stdin?.write(encodeMessage(message));
  }

  const plan = () => ({ qmp: `unix:${monitor}`, resume: true });

  it('ends a client that is stuck beyond its deadline, as nothing else lets go of the monitor', async () => {
    say({ plan: plan() }, { deadline: SOON_MS });
    const [code, signal] = await once(client, 'exit');
    expect([code, signal]).to.deep.equal([null, 'SIGKILL']);
    await eventually('it puts back what the client had', () => asked > 0);
  });

  it('leaves a client alone whose pause is over, or that gets another deadline in time', async () => {
    say({ plan: plan() }, { deadline: SOON_MS }, { deadline: null });
    await setTimeout(LATER_MS);
    say({ deadline: SOON_MS }, { deadline: 60_000 });
    await setTimeout(LATER_MS);
    expect([client.exitCode, client.signalCode, asked]).to.deep.equal([null, null, 0]);
  });

  it('leaves a client alone that has left the guest to it', async () => {
    say({ plan: plan() }, { deadline: SOON_MS });
    client.stdin?.end();
    await eventually('it acts', () => asked > 0);
    await setTimeout(LATER_MS);
    expect([client.exitCode, client.signalCode]).to.deep.equal([null, null]);
  });

  it('does nothing once it is told that nothing is left to do', async () => {
    say({ plan: plan() }, { disarm: true });
    client.stdin?.end();
    await eventually('it ends', () => said.includes('ended 0\n'));
    expect(asked).to.equal(0);
  });
});
