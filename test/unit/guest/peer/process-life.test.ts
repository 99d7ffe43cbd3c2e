import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { isAlive, lifeOf, startTimeOf } from '../../../../src/guest/peer/process-life.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;

/** Field 22 of proc(5), which are counted from 1: the state, in one letter, is the third. */
function twentySecond(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return /\) [A-Z] (.*)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1]?.split(' ')[18];
}

describe('the life of a process', () => {
  const scratch = useScratchDirectory();

  it('is told by when it began, whatever its name', async () => {
    await using other = await QemuLookAlike.start(scratch('a) S 1 (b'));
    for (const pid of [process.pid, other.pid]) {
      expect(startTimeOf(pid)).to.match(/^\d+$/).and.equal(twentySecond(pid));
      expect(lifeOf(pid)).to.deep.equal({ pid, startTime: twentySecond(pid) });
      expect(isAlive(lifeOf(pid))).to.equal(true);
      expect(isAlive({ pid, startTime: '1' })).to.equal(false);
    }
    expect(startTimeOf(NO_PID)).to.equal(null);
    expect(isAlive({ pid: NO_PID, startTime: '1' })).to.equal(false);
  });

  it('is told by its number alone where it is not known when it began', () => {
    expect(isAlive({ pid: process.pid, startTime: null })).to.equal(true);
    expect(isAlive({ pid: NO_PID, startTime: null })).to.equal(false);
  });
});
