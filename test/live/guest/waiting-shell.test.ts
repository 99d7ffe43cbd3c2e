import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RestorePlan } from '../../../src/guest/restore/restore-plan.ts';
import { WAITING_SHELL } from '../../../src/guest/restore/waiting-shell.ts';
import { decodeMessage, encodeMessage, type WatchdogMessage } from '../../../src/guest/restore/watchdog-message.ts';
import { eventually } from '../../support/eventually.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';

/** Stands for the watchdog's program: writes down what it was given. */
const PROGRAM = `
import { writeFileSync, readFileSync, renameSync } from 'node:fs';
writeFileSync(import.meta.filename + '.out.new', readFileSync(0));
renameSync(import.meta.filename + '.out.new', import.meta.filename + '.out');
`;

/** The shells that are here, of those that are known as `sh`. */
const SHELLS = [['sh'], ['bash', '--posix'], ['busybox', 'sh']].filter(([name = '']) => {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** How many processes live in a group. */
function members(group: number): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || !isRunning(Number(name))) return false;
    // The state, the parent and the group come behind the name in brackets, which may have any.
    return statOf(name).split(') ').at(-1)?.split(' ')[2] === String(group);
  }).length;
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}

for (const shell of SHELLS) {
  describe(`the shell that waits for the end of a client: ${shell.join(' ')}`, function () {
    this.timeout(60_000);

    let directory: string;
    let program: string;
    let child: ChildProcess;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'a b $HOME `-'));
      program = join(directory, 'program.mjs');
      writeFileSync(program, PROGRAM);
    });

    afterEach(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await eventually('nothing of it is left', () => members(child.pid ?? 0) === 0);
      rmSync(directory, { recursive: true });
    });

    async function start(client = process.pid): Promise<void> {
      const [name = '', ...options] = shell;
      const words = [...options, '-c', WAITING_SHELL, 'sh', process.execPath, program, String(client)];
      child = spawn(name, words, { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
      expect(String((await once(child.stdout ?? child, 'data'))[0])).to.equal('ready\n');
    }

    function say(...messages: readonly WatchdogMessage[]): void {
      for (const message of messages) child.stdin?.write(encodeMessage(message));
    }

    /** What the program was given once the client has ended; undefined if it was not started. */
    async function whatIsDone(lastWords = ''): Promise<readonly WatchdogMessage[] | undefined> {
      const exit = once(child, 'exit');
      child.stdin?.end(lastWords);
      expect(await exit).to.deep.equal([0, null]);
      try {
        const [last, ...lines] = readFileSync(`${program}.out`, 'utf8').split('\n').reverse();
        expect(last).to.equal('');
        return lines.map(decodeMessage);
      } catch {
        return undefined;
      }
    }

    it('starts the program with the last plan, whatever is in it', async () => {
      const plan: RestorePlan = {
        qmp: 'unix:/run/a b/ä\\n$(touch x)`touch x`\'"%\u0081\u0088\n.qmp',
        resume: true,
        directory: { path: directory, room: 'r' },
      };
      await start();
      say({ plan: { qmp: 'unix:/other' } }, { plan });
      expect(await whatIsDone()).to.deep.equal([{ plan }]);
    });

    it('passes on a plan with the registers of thousands of vCPUs', async () => {
      const registers = Object.fromEntries(Array.from({ length: 4096 }, (_, cpu) => [String(cpu), 'x'.repeat(32)]));
      await start();
      say({ plan: { registers } });
      expect(await whatIsDone()).to.deep.equal([{ plan: { registers } }]);
    });

    it('starts nothing without a plan, and nothing after the last was taken back', async () => {
      await start();
      expect(await whatIsDone()).to.equal(undefined);
      await start();
      say({ plan: { resume: true } }, { disarm: true });
      expect(await whatIsDone()).to.equal(undefined);
    });

    it('does not count a last message that was cut short', async () => {
      const plan: RestorePlan = { resume: true };
      await start();
      say({ plan });
      expect(await whatIsDone(encodeMessage({ disarm: true }).trimEnd())).to.deep.equal([{ plan }]);
    });

    it('leaves nothing of a deadline that was taken back, or came to nothing as the client ended', async () => {
      await start();
      say({ deadline: 60_000 });
      await eventually('it counts', () => members(child.pid ?? 0) > 1);
      say({ deadline: null });
      await eventually('it counts no more', () => members(child.pid ?? 0) === 1);
      say({ deadline: 60_000 }, { deadline: 70_000 });
      await eventually('it counts', () => members(child.pid ?? 0) > 1);
      expect(await whatIsDone()).to.equal(undefined);
    });

    it('never ends a process that is not its parent, when a deadline is over', async () => {
      const other = spawn('sleep', ['60'], { stdio: 'ignore' });
      await start(other.pid);
      say({ deadline: 1 });
      await eventually('it counts', () => members(child.pid ?? 0) > 1);
      await eventually('the deadline is over', () => members(child.pid ?? 0) === 1);
      expect(isRunning(other.pid ?? 0)).to.equal(true);
      other.kill('SIGKILL');
      await once(other, 'exit');
    });

    it('counts no longer once it was killed itself', async () => {
      await start();
      say({ deadline: 60_000 });
      await eventually('it counts', () => members(child.pid ?? 0) > 1);
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
  });
}
