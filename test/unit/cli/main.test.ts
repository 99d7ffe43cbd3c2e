import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { formatCommandHelp, formatOverview } from '../../../src/cli/help.ts';
import { packageVersion } from '../../../src/cli/version.ts';
import { foldLines } from '../../../src/report/internal.ts';
import { mappedDump } from '../../support/builders/mapped-dump.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const START = fileURLToPath(new URL('../../../src/cli/start.js', import.meta.url));

describe('the program', () => {
  const scratch = useScratchDirectory();
  let dump: string;
  before(() => {
    dump = scratch('guest.elf');
    writeFileSync(dump, mappedDump());
  });

  type Stdio = number | 'ignore' | 'pipe';
  const run = (words: readonly string[], stdio: readonly Stdio[] = ['ignore', 'pipe', 'pipe'], input = '') =>
    spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', stdio: [...stdio], input });
  const endOf = ({ status, stdout, stderr }: SpawnSyncReturns<string>) => ({ status, stdout, stderr });

  /** What a person sees in a window of so many columns. */
  function seen(columns: number, ...words: readonly string[]): string {
    const line = `stty cols ${columns}; exec ${[process.execPath, MAIN, ...words].join(' ')}`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return stdout.replaceAll('\r\n', '\n');
  }

  it('prints to standard output, complains to standard error, and ends with the status', () => {
    expect(endOf(run(['--version']))).to.deep.equal({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
    expect(endOf(run(['state', 'x\u0007']))).to.deep.equal({
      ...{ status: 2, stdout: '' },
      stderr: 'pagewalk: state takes no argument (got "x\\u0007")\nTry: pagewalk help state\n',
    });
    const fault = run(['translate', '0x200000000', '0', '--brief', '--dump', dump]);
    expect(endOf(fault)).to.deep.equal({
      ...{ status: 1, stderr: '' },
      stdout: '0x0000000200000000  0x5000  4K  r-x-\n0x0000000000000000  -  NOT_PRESENT  0x0  0x2000\n',
    });
  });

  it('folds what it prints and what it complains of for a window, of 80 columns at least', async () => {
    const map = await COMMANDS.find(({ name }) => name === 'map')?.load();
    if (map === undefined) throw new Error('there is no map');
    expect(seen(100, 'help', 'map')).to.equal(foldLines(formatCommandHelp(map, true), 100));
    const names = COMMANDS.map(({ name }) => name).join(', ');
    const complaint = `pagewalk: unknown command "walk"; a command comes first: ${names}`;
    expect(seen(20, 'walk')).to.equal(`${foldLines(complaint, 80)}\nTry: pagewalk help\n`);
    expect(seen(200, 'translate', '0', '--dump', dump), 'with colours').to.contain('\u001b[');
  });

  it('reads standard input, and does not wait for its end when it needs no more of it', async () => {
    const words = ['translate', '--from', '-', '--brief', '--dump', dump];
    expect(endOf(run(words, ['pipe', 'pipe', 'pipe'], '0x200000000\n'))).to.deep.equal({
      ...{ status: 0, stdout: '0x0000000200000000  0x5000  4K  r-x-\n', stderr: '' },
    });
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin?.on('error', () => {}).write('no address\n');
    expect(await once(child, 'exit')).to.deep.equal([2, null]);
  });

  for (const [name, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`ends with ${status} on ${name}, in its own way`, async () => {
      const pipe = scratch(name);
      execFileSync('mkfifo', [pipe]);
      const words = ['translate', '--from', pipe, '--dump', dump];
      const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
      const said: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text) => said.push(text));
      const ended = once(child, 'close');
      // When it can be opened for writing, it is read.
      const writer = await open(pipe, 'w');
      child.kill(name);
      expect(await ended).to.deep.equal([status, null]);
      await writer.close();
      expect(said.join('')).to.equal(`pagewalk: ended by ${name}\n`);
    });
  }

  it('ends on a signal while it waits for standard input, which may have no end', async () => {
    const words = ['translate', '--from', '-', '--dump', dump];
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['pipe', 'ignore', 'pipe'] });
    try {
      const { stdin, stderr } = child;
      if (stderr === null) throw new Error('there is no standard error');
      const said = textOf(stderr);
      const ended = once(child, 'exit');
      // More than a pipe holds: when it is taken, it is read.
      await new Promise((resolve) => stdin?.write('# nothing\n'.repeat(40_000), resolve));
      child.kill('SIGTERM');
      expect(await ended).to.deep.equal([143, null]);
      expect(await said).to.equal('pagewalk: ended by SIGTERM\n');
    } finally {
      child.kill('SIGKILL');
    }
  });

  describe('whose output cannot be written', () => {
    /** A pipe that is read by nothing any more. */
    function brokenPipe(name: string): number {
      const pipe = scratch(name);
      execFileSync('mkfifo', [pipe]);
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = openSync(pipe, 'w');
      closeSync(reader);
      return writer;
    }

    it('ends as if it were read, where the reader has gone', () => {
      const out = brokenPipe('out');
      const listed = run(['map', '--dump', dump], ['ignore', out, 'pipe']);
      expect({ status: listed.status, stderr: listed.stderr }).to.deep.equal({ status: 0, stderr: '' });
      closeSync(out);
      const err = brokenPipe('err');
      expect(run(['walk'], ['ignore', 'pipe', err]).status).to.equal(2);
      closeSync(err);
    });

    it('says so where a disk is full', () => {
      const full = openSync('/dev/full', 'w');
      for (const words of [['help'], ['map', '--dump', dump]]) {
        const { status, stderr } = run(words, ['ignore', full, 'pipe']);
        expect({ status, stderr }, words.join(' ')).to.deep.equal({
          status: 2,
          stderr: 'pagewalk: cannot write standard output: ENOSPC: no space left on device, write\n',
        });
      }
      expect(run(['walk'], ['ignore', 'pipe', full]).status, 'nothing can be said').to.equal(3);
      closeSync(full);
    });
  });
});

describe('the first file of the program', () => {
  /** Without a home there is no place for compiled code. */
  const run = (words: readonly string[], environment: Record<string, string> = {}) => {
    const { NODE_V8_COVERAGE } = process.env;
    const env = { ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }), ...environment };
    return spawnSync(process.execPath, ['--no-warnings', START, ...words], { encoding: 'utf8', env });
  };

  it('says the version', () => {
    const { status, stdout, stderr } = run(['--version']);
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  });

  it('runs the command', () => {
    const { status, stdout, stderr } = run(['help']);
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: formatOverview(COMMANDS), stderr: '' });
    expect(run(['walk']).stderr).to.match(/^pagewalk: unknown command "walk".*\nTry: pagewalk help\n$/);
  });

  it('runs its modules where stack traces are wanted', () => {
    const { status, stdout, stderr } = run(['walk'], { PAGEWALK_DEBUG: '1' });
    expect({ status, stdout }).to.deep.equal({ status: 2, stdout: '' });
    expect(stderr).to.match(/\n +at dispatch \(.*\/dist\/src\/cli\/run-cli\.js:\d+:\d+\)\n/);
    expect(run(['--version'], { PAGEWALK_DEBUG: '1' }).stdout).to.equal(`${packageVersion()}\n`);
  });
});
