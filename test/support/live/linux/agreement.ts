import { expect } from 'chai';
import { attach } from '../../../../src/guest/index.ts';
import { hashLines, type LinuxGuest } from './linux-guest.ts';

const READ = { write: false, user: true, exec: false };

/** That symbols, as the command prints them, are those of the guest's own /proc/kallsyms: of the kernel, and of its modules. */
export function expectSymbols(printed: string, linux: LinuxGuest): void {
  const lines = printed.trimEnd().split('\n');
  expect(hashLines(lines.filter((line) => !line.endsWith(']')))).to.equal(linux.kallsyms);
  const packed = lines
    .filter((line) => line.endsWith(']'))
    .map((line) =>
      line.replace(/^(\S+) (\S) (\S+)\s+/, (_, address, type, name) => `${address}${type.toLowerCase()}${name}`),
    );
  expect(hashLines(packed)).to.equal(linux.modules);
}

/** What of its processes is as the kernel was started. */
export interface ToldKernel {
  readonly isolated: boolean;
  /** Whether all resident pages are counted at one place: until Linux 6.2. */
  readonly countsAtOnce: boolean;
}

/** That processes are those of the guest's own /proc, and each page of one lies where its pagemap says. @returns how many pages */
export async function expectProcesses(linux: LinuxGuest, { isolated, countsAtOnce }: ToldKernel): Promise<number> {
  const guest = await attach({ qmp: linux.guest.qmpEndpoint });
  let compared = 0;
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
        expect(task).to.include({ comm, tgid: pid, state: 'S' });
        if (countsAtOnce) expect(task.residentPages).to.equal(linux.resident.get(pid));
        const pages = linux.pages.filter((page) => page.pid === pid);
        expect(pages.length).to.be.greaterThan(100);
        expect(task.userCr3).to.equal(isolated ? (task.cr3 ?? 0n) + 0x1000n : null);
        const answers = await paused.translate(
          pages.map(({ address }) => ({ linearAddress: address, access: READ })),
          { cr3: task.userCr3 ?? task.cr3 ?? 0n },
        );
        const frames = answers.map(({ translation }) =>
          translation.kind === 'mapped' ? (translation.physicalAddress >> 12n).toString(16) : translation.kind,
        );
        expect(frames).to.deep.equal(pages.map(({ frame }) => frame.toString(16)));
        compared += pages.length;
      }
    });
  } finally {
    await guest.detach();
  }
  return compared;
}
