import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { useRunningKernel } from '../../support/live/guest/running-kernel.ts';
import { type PagewalkExit, runPagewalk, startPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { translationLineSchema } from '../../support/schemas/translation-schema.ts';

const { long4 } = KERNELS;
const hex = (value: bigint, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`;
const addressOf = (name: string): string => hex(kernelPage(long4, name).address);
const linesOf = ({ stdout }: PagewalkExit): readonly string[] => stdout.split('\n').slice(0, -1);

describe('lists of addresses, what-if and live questions, on a guest', function () {
  this.timeout(120_000);

  const running = useRunningKernel('long4', { smp: 2 });
  const path = useScratchDirectory();

  async function fileOf(lines: readonly string[]): Promise<string> {
    const file = path('list');
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  }

  /** Random addresses in the pages that the manifest has, and around them. */
  function manyAddresses(count: number): readonly string[] {
    const pages = long4.pages.map(({ address }) => address);
    return Array.from({ length: count }, (_, at) => hex((pages[at % pages.length] ?? 0n) + BigInt((at * 7919) % 8192)));
  }

  /** How often the guest was paused meanwhile. */
  async function countStops(during: () => Promise<unknown>): Promise<number> {
    const before = running.witness.stops;
    await during();
    await running.witness.runState();
    return running.witness.stops - before;
  }

  /** Waits until the guest is paused. */
  async function untilStopped(): Promise<void> {
    const before = running.witness.stops;
    while (running.witness.stops === before) await running.witness.runState();
  }

  it('answers a file as it answers the same addresses on the command line', async () => {
    const addresses = [addressOf('rw'), addressOf('ro'), addressOf('page-2m')];
    const file = await fileOf(['# three', '', ...addresses]);
    const listed = await runPagewalk(['translate', '--from', file, '--write', ...running.endpoint]);
    expect(listed).to.deep.equal(await runPagewalk(['translate', ...addresses, '--write', ...running.endpoint]));
    expect(listed.status).to.equal(1);
  });

  it('answers any number of them so: what is printed while the guest runs, and what while it is paused', async () => {
    const addresses = manyAddresses(200);
    const file = await fileOf(addresses);
    for (const access of [[], ['--write', '--user'], ['--exec'], ['--profile', 'tcg', '--user']]) {
      const words = ['--json', ...access, ...running.endpoint];
      const listed = await runPagewalk(['translate', '--from', file, ...words]);
      expect(listed).to.deep.equal(await runPagewalk(['translate', ...addresses, ...words]));
    }
  });

  it('lets the guest run while its answers are not read yet', async () => {
    const file = await fileOf(manyAddresses(22_000));
    const { child, ended } = startPagewalk(['translate', '--from', file, '--json', ...running.endpoint]);
    child.stdout?.pause();
    await untilStopped();
    while ((await running.witness.runState()) !== 'running') await delay(10);
    // Tens of megabytes do not fit a pipe: it has not come to its end.
    await delay(200);
    expect(await running.witness.runState()).to.equal('running');
    expect(child.exitCode).to.equal(null);
    child.stdout?.resume();
    expect(linesOf(await ended)).to.have.lengthOf(22_000);
  });

  it('answers more than it holds, in order, in one pause', async () => {
    const addresses = manyAddresses(22_000);
    const file = await fileOf(addresses);
    let listed: PagewalkExit | undefined;
    const stops = await countStops(async () => {
      listed = await runPagewalk(['translate', '--from', file, '--json', ...running.endpoint]);
    });
    expect(listed).to.include({ status: 1, stderr: '' });
    const answers = linesOf(listed as PagewalkExit).map((line) => JSON.parse(line) as { linearAddress: string });
    expect(answers.map(({ linearAddress }) => linearAddress)).to.deep.equal(addresses.map((text) => hex(BigInt(text))));
    for (const answer of answers.slice(-100)) translationLineSchema.parse(answer);
    expect(stops).to.equal(1);
  });

  it('says the same in brief', async () => {
    const addresses = manyAddresses(2000);
    const file = await fileOf(addresses);
    const brief = linesOf(await runPagewalk(['translate', '--from', file, '--brief', ...running.endpoint]));
    const full = linesOf(await runPagewalk(['translate', '--from', file, '--json', ...running.endpoint]));
    const expected = full.map((line) => {
      const answer = translationLineSchema.parse(JSON.parse(line));
      const address = hex(BigInt(answer.linearAddress), 16);
      const mark = answer.deviation === undefined ? '' : '  !differs';
      if (answer.fault !== null) {
        const { errorCode, responsibleEntry } = answer.fault;
        return `${address}  -  ${answer.error}  ${errorCode ?? '-'}  ${responsibleEntry ?? '-'}${mark}`;
      }
      const size = { 4096: '4K', 2097152: '2M', 1073741824: '1G' }[String(answer.pageSize)];
      const { write = false, exec = false, user = false } = answer.rights ?? {};
      const rights = `r${write ? 'w' : '-'}${exec ? 'x' : '-'}${user ? 'u' : '-'}`;
      return `${address}  ${answer.physicalAddress}  ${size}  ${rights}${mark}`;
    });
    expect(brief).to.deep.equal(expected);
  });

  it('marks in brief what the machine would answer otherwise, and says what the mark means', async () => {
    const addresses = [addressOf('pte-reserved'), addressOf('rw')];
    const exit = await runPagewalk(['translate', ...addresses, '--brief', ...running.endpoint]);
    expect(linesOf(exit).map((line) => line.endsWith('  !differs'))).to.deep.equal([true, false]);
    expect(exit.stderr).to.match(
      /^pagewalk: !differs: QEMU \d+\.\d+\.\d+'s TCG would answer otherwise; without --brief the answer says how\n$/,
    );
  });

  it('marks in brief the answers that depend on what was assumed, and --strict refuses them', async () => {
    // Without QMP there is no device state, and so no PKRU, which this kernel has in force.
    const gdb = ['--gdb', running.guest.gdbEndpoint];
    const words = ['translate', addressOf('rw'), addressOf('pte-zero'), '--brief', ...gdb];
    const brief = await runPagewalk(words);
    expect(linesOf(brief).map((line) => line.endsWith('  ?PKRU'))).to.deep.equal([true, false]);
    expect(brief.status).to.equal(1);
    expect(brief.stderr).to.match(/^pagewalk: \?PKRU: assumed: PKRU=0x0 \(.+\); the outcome depends on it\n$/);
    const strict = await runPagewalk([...words, '--strict']);
    expect({ ...strict, stderr: '' }).to.deep.equal({ ...brief, status: 4, stderr: '' });
    expect(strict.stderr).to.match(/\npagewalk: --strict: PKRU=0x0 \(.+\); the outcome depends on it\n$/);
    for (const format of [[], ['--json']]) {
      const asked = ['translate', addressOf('rw'), ...format, '--strict', ...gdb];
      expect((await runPagewalk(asked)).status, format.join()).to.equal(4);
      expect((await runPagewalk([...asked, '--exec'])).status, `${format.join()}: keys do not judge it`).to.equal(0);
    }
    // The whole state is an answer, and a map does not depend on keys.
    for (const [command, status] of [
      ['state', 4],
      ['map', 0],
    ] as const) {
      expect((await runPagewalk([command, '--strict', ...gdb])).status).to.equal(status);
    }
  });

  it('takes a list from a pipe', async () => {
    const { child, ended } = startPagewalk(['translate', '--from', '-', '--brief', ...running.endpoint], {}, 'pipe');
    child.stdin?.end(`${addressOf('rw')}\n${addressOf('ro')}`);
    expect(linesOf(await ended)).to.deep.equal([
      `${hex(kernelPage(long4, 'rw').address, 16)}  0x120000  4K  rwxu`,
      `${hex(kernelPage(long4, 'ro').address, 16)}  0x121000  4K  r-xu`,
    ]);
  });

  it('lets the guest run while it waits for a pipe', async () => {
    const stops = await countStops(async () => {
      const { child, ended } = startPagewalk(['translate', '--from', '-', ...running.endpoint], {}, 'pipe');
      child.stdin?.write(`${addressOf('rw')}\n`);
      // Time enough to have paused it.
      await delay(2000);
      expect(await running.witness.runState()).to.equal('running');
      child.kill('SIGTERM');
      expect(await ended).to.include({ status: 143, stdout: '' });
    });
    expect(stops).to.equal(0);
  });

  it('finds junk in a file before it asks anything', async () => {
    const file = await fileOf([addressOf('rw'), '', 'ffff8000', addressOf('ro')]);
    const stops = await countStops(async () => {
      expect(await runPagewalk(['translate', '--from', file, ...running.endpoint])).to.deep.equal({
        status: 2,
        stdout: '',
        stderr:
          `pagewalk: ${file}:3: address "ffff8000" is not a number; ` +
          'hexadecimal is written with 0x in front: 0xffff8000\n',
      });
    });
    expect(stops).to.equal(0);
  });

  it('answers the rest of a list with junk if asked to, and does not call that a success', async () => {
    const file = await fileOf([addressOf('rw'), 'junk', addressOf('page-2m')]);
    const { status, stdout, stderr } = await runPagewalk([
      'translate',
      '--from',
      file,
      '--keep-going',
      '--brief',
      ...running.endpoint,
    ]);
    expect(status).to.equal(1);
    expect(stdout.split('\n')).to.have.lengthOf(3);
    expect(stderr).to.equal(
      `pagewalk: ${file}:2: address "junk" is not a number (hexadecimal with 0x in front, or decimal)\n`,
    );
  });

  it('refuses a list without any address', async () => {
    const file = await fileOf(['# nothing']);
    const { status, stderr } = await runPagewalk(['translate', '--from', file, ...running.endpoint]);
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pagewalk: there is no address in \S+list\n/);
  });

  it('starts over when another client resumes the guest, as long as nothing was printed', async () => {
    // So many that their tables and walks take longer than it takes to see that the guest is paused.
    const file = await fileOf(manyAddresses(100_000));
    const stops = await countStops(async () => {
      const { ended } = startPagewalk(['translate', '--from', file, '--brief', ...running.endpoint]);
      await untilStopped();
      await running.witness.execute('cont');
      const exit = await ended;
      const { status, stderr } = exit;
      expect(status).to.equal(1);
      expect(stderr).to.match(/^pagewalk: !differs: .*\n$/);
      expect(linesOf(exit)).to.have.lengthOf(100_000);
    });
    // The second try is one; how the first was left depends on when it was disturbed.
    expect(stops).to.be.above(1);
  });

  it('says that answers are torn when some were printed already', async () => {
    const file = await fileOf(manyAddresses(60_000));
    const words = ['translate', '--from', file, '--set-accessed', '--json', '--max-pause', '60000'];
    const { child, ended } = startPagewalk([...words, ...running.endpoint]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await running.witness.execute('cont');
    const { status, stderr } = await ended;
    expect(status).to.equal(3);
    expect(stderr).to.match(/^pagewalk: another client resumed the guest behind \S+ in the middle; .* Try again\n$/);
  });

  it('sets bits for a list', async () => {
    const file = await fileOf([addressOf('high')]);
    const words = ['translate', '--from', file, '--set-accessed', '--json', ...running.endpoint];
    const [line] = linesOf(await runPagewalk(words));
    expect(translationLineSchema.parse(JSON.parse(line ?? '')).setBitsSucceeded).to.equal(true);
  });

  it('stops when its output is not read', async () => {
    const file = await fileOf(manyAddresses(40_000));
    const { child, ended } = startPagewalk(['translate', '--from', file, '--json', ...running.endpoint]);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended).to.include({ status: 1, stderr: '' });
  });

  it('answers what would be if something were otherwise, and names it', async () => {
    const ask = (...words: string[]): Promise<PagewalkExit> =>
      runPagewalk(['translate', addressOf('ro'), '--write', ...words, ...running.endpoint]);
    const changed = await ask('--set', 'CR0.WP=0', '--profile', 'tcg');
    expect(changed.status).to.equal(0);
    expect(linesOf(changed)[0]).to.equal(
      '0x0000008000001000  supervisor write   4-level paging, CR3 0x110000, vCPU 0, if CR0.WP=0, as tcg has it',
    );
    expect((await ask()).status).to.equal(1);
    expect((await ask('--set', 'CR0.WP=0', '--set', 'CR0.WP=1')).status).to.equal(1);
  });

  it('refuses what would make no sense before it connects', async () => {
    for (const [words, message] of [
      [['--set', 'CR9=0'], /^pagewalk: invalid change "CR9=0": unknown name CR9; use /],
      [['--profile', 'via'], /^pagewalk: unknown profile "via"; use /],
    ] as const) {
      const { status, stderr } = await runPagewalk(['translate', '0', ...words, '--qmp', 'unix:/nonexistent/qmp']);
      expect(status).to.equal(2);
      expect(stderr).to.match(message);
    }
  });

  it('asks a guest that runs, without a pause, and says so', async () => {
    const stops = await countStops(async () => {
      const [line] = linesOf(
        await runPagewalk(['translate', addressOf('rw'), '--live', '--json', ...running.endpoint]),
      );
      const answer = translationLineSchema.parse(JSON.parse(line ?? ''));
      expect(answer).to.include({ valid: true, physicalAddress: '0x120000' });
      expect(answer.assumed.at(-1)).to.include({ name: 'moment', decides: true });
    });
    expect(stops).to.equal(0);
  });

  it('tells in state how memory is read, and why not better', async () => {
    const { stdout } = await runPagewalk(['state', ...running.endpoint]);
    expect(stdout).to.contain("\n  bulk reads: the QEMU process's memory\n");
    expect(stdout).to.match(/\n {2}not through the file that backs it: \S/);
    const plain = await runPagewalk(['state', '--no-host-memory', ...running.endpoint]);
    expect(plain.stdout).to.contain('\n  bulk reads: the GDB stub\n');
  });
});
