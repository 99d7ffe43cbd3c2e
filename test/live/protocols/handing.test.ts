import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../../support/eventually.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const LIBRARY = new URL('../../../protocols/transport/internal.js', import.meta.url).href;
const MIB = 1024 * 1024;
/** How often it is looked at whether a program goes on reading, and how many times in a row it must not have. */
const LOOK = { betweenMs: 30, times: 10 };

/** How many bytes a process has read of whatever it has open. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

/** Waits until a process has read so much, and reads no more: it is busy with what it does not get rid of. */
async function untilItReadsNoMore(pid: number, least: number): Promise<void> {
  let [last, same] = [0, 0];
  const readsNoMore = (): boolean => {
    const now = bytesRead(pid);
    same = now === last ? same + 1 : 0;
    last = now;
    return now >= least && same >= LOOK.times;
  };
  await eventually('it reads no more', readsNoMore, LOOK);
}

describe('a program that sends to one who does not read', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();
  let server: Server;
  let path: string;
  let came: Promise<Socket>;

  beforeEach(async () => {
    path = scratch('monitor');
    server = createServer({ pauseOnConnect: true }).listen(path);
    came = new Promise((resolve) => server.once('connection', resolve));
    await once(server, 'listening');
  });

  afterEach(async () => {
    const socket = await came;
    socket.destroy();
    server.close();
    await once(server, 'close');
  });

  /** Connects in a process of its own, sends, and kills that process when what sends for it is stuck. */
  async function killWhileItSends(endpoint: string, send: string, of: (owner: number) => number): Promise<number> {
    const program = `
      const { connect, duplexOf } = await import(${JSON.stringify(LIBRARY)});
      const connection = await connect(${JSON.stringify(endpoint)}, { timeoutMs: 30_000 });
      await connection.prepareCarrier?.();
      const { carrier } = connection;
      const { handed: descriptor } = await carrier.makeStream();
      const write = (mib) => duplexOf(connection).write('x'.repeat(mib * ${MIB}));
      const hand = (mib) => carrier.send('x'.repeat(mib * ${MIB}), descriptor);
      process.stdout.write('ready');
      ${send};
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    const pid = of(owner.pid ?? 0);
    expect(pid).to.be.above(1);
    await untilItReadsNoMore(pid, 2 * MIB);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    return pid;
  }

  it('ends with its owner: what hands a descriptor over', async () => {
    const onlyChild = (owner: number) => Number(readFileSync(`/proc/${owner}/task/${owner}/children`, 'latin1').trim());
    const pid = await killWhileItSends(`unix:${path}`, 'hand(3)', onlyChild);
    await eventually('it has ended', () => !isRunning(pid));
  });

  // In a session of its own, as on another host: nothing but its input tells it of the end.
  for (const [what, send] of [
    ['more than it holds', 'write(16)'],
    ['a descriptor behind what it was given', 'write(2); hand(0.5)'],
  ] as const) {
    it(`ends with its owner: the helper on another host, which sends ${what}`, async () => {
      const [script, note] = [scratch('elsewhere'), scratch('pid')];
      writeFileSync(script, `#!/bin/sh\necho $$ >'${note}'\nexec setsid "$@"\n`, { mode: 0o700 });
      const noted = () => Number(readFileSync(note, 'latin1'));
      const pid = await killWhileItSends(`host:[${script}]unix:${path}`, send, noted);
      await eventually('it has ended', () => !isRunning(pid));
    });
  }
});
