import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import { bootLinux, hashLines, type LinuxGuest } from '../../support/live/linux/linux-guest.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const READ = { write: false, user: true, exec: false };

describe('names of a Linux guest, against what it says of itself', function () {
  this.timeout(240_000);
  const scratch = useScratchDirectory();
  let linux: LinuxGuest;
  const run = (...words: readonly string[]) =>
    runPagewalk([...words, '--qmp', linux.guest.qmpEndpoint], { XDG_CACHE_HOME: scratch('cache') });

  before(async () => {
    linux = await bootLinux('6.1-cloud', 'pti=on spin');
  });

  after(async () => {
    await linux?.guest.stop();
  });

  it('every symbol is that of /proc/kallsyms, of the kernel and of its modules', async () => {
    const { stdout, stderr, status } = await run('symbols');
    expect({ stderr, status }).to.deep.equal({ stderr: '', status: 0 });
    const lines = stdout.trimEnd().split('\n');
    expect(hashLines(lines.filter((line) => !line.endsWith(']')))).to.equal(linux.kallsyms);
    const ofModules = lines.filter((line) => line.endsWith(']'));
    const packed = ofModules.map((line) =>
      line.replace(/^(\S+) (\S) (\S+)\s+/, (_, address, type, name) => `${address}${type.toLowerCase()}${name}`),
    );
    expect(hashLines(packed)).to.equal(linux.modules);
    expect(ofModules.length).to.be.greaterThan(100);
  });

  it('every page of a process is that of its pagemap, and so are its name and memory', async () => {
    const guest = await attach({ qmp: linux.guest.qmpEndpoint });
    try {
      await guest.whilePaused(async (paused) => {
        const found = await paused.linux();
        const tasks = await found.tasks();
        expect(tasks.map(({ pid }) => pid)).to.include.members([0, 1, 2]);
        for (const { pid, comm } of linux.processes) {
          const task = await found.process(pid);
          // The one that keeps the processor busy says nothing more: its tables are in use.
          if (comm === 'spinner') {
            expect(task).to.include({ comm, state: 'R' });
            continue;
          }
          expect(task).to.include({ comm, tgid: pid, state: 'S', residentPages: linux.resident.get(pid) });
          const pages = linux.pages.filter((page) => page.pid === pid);
          expect(pages.length).to.be.greaterThan(100);
          expect(task.userCr3).to.equal((task.cr3 ?? 0n) + 0x1000n);
          const cr3 = task.userCr3 ?? 0n;
          const answers = await paused.translate(
            pages.map(({ address }) => ({ linearAddress: address, access: READ })),
            { cr3 },
          );
          const frames = answers.map(({ translation }) =>
            translation.kind === 'mapped' ? (translation.physicalAddress >> 12n).toString(16) : translation.kind,
          );
          expect(frames).to.deep.equal(pages.map(({ frame }) => frame.toString(16)));
        }
      });
    } finally {
      await guest.detach();
    }
  });

  it('takes a symbol where an address may stand, as in a line of an oops', async () => {
    // With page-table isolation the root that is in use in user mode lacks the kernel.
    const init = (await run('ps', '--json')).stdout.split('\n').map((line) => JSON.parse(line || '{}'));
    const { cr3 } = init.find(({ pid }) => pid === 1);
    const [plain, oops] = await Promise.all([
      run('translate', 'do_exit+0x10', '--exec', '--json', '--cr3', cr3),
      run('translate', 'RIP: 0010:do_exit+0x10/0x1', '--exec', '--json', '--cr3', cr3),
    ]);
    const symbol = await run('symbols', 'do_exi?', '--json');
    const { address } = JSON.parse(symbol.stdout);
    const answer = JSON.parse(plain.stdout);
    expect(BigInt(answer.linearAddress) - BigInt(address)).to.equal(0x10n);
    expect(answer).to.include({ valid: true });
    expect(JSON.parse(oops.stdout).linearAddress).to.equal(answer.linearAddress);
    const none = await run('translate', 'do_exot');
    expect(none).to.include({ status: 2, stdout: '' });
    expect(none.stderr).to.contain('no symbol is called "do_exot"');
  });
});
