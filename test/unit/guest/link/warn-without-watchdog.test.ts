import { expect } from 'chai';
import { warnWithoutWatchdog } from '../../../../src/guest/link/warn-without-watchdog.ts';
import { Safekeeping } from '../../../../src/guest/restore/safekeeping.ts';

/** Where neither a shell that can wait nor Node is found. */
const NOWHERE = '/nonexistent';

describe('a guest that is paused with no watchdog', () => {
  const { PATH } = process.env;
  const { execPath, emitWarning } = process;
  let warnings: unknown[][] = [];

  beforeEach(() => {
    warnings = [];
    process.emitWarning = (...words: unknown[]): void => void warnings.push(words);
  });

  afterEach(() => {
    process.emitWarning = emitWarning;
    process.env['PATH'] = PATH;
    process.execPath = execPath;
  });

  function keep(enabled: boolean): Safekeeping {
    process.env['PATH'] = NOWHERE;
    process.execPath = `${NOWHERE}/node`;
    return new Safekeeping({ endpoint: 'unix:/run/vm.qmp', enabled });
  }

  it('is warned of once, with what may be done', async () => {
    await warnWithoutWatchdog(keep(true));
    await warnWithoutWatchdog(keep(true));
    const problem = `its process did not start (Error: spawn ${NOWHERE}/node ENOENT)`;
    expect(warnings).to.deep.equal([
      [
        `no watchdog: ${problem}. If this process is killed while a guest is paused, the guest stays paused until "pagewalk restore" or the next attach. Keep pagewalk out of the bundle (external), bundle pagewalk/watchdog beside it as pagewalk-watchdog.js, or pass watchdog: false to accept it`,
        { type: 'PagewalkWarning', code: 'PAGEWALK_NO_WATCHDOG' },
      ],
    ]);
  });

  it('is not warned of where the caller wants none, or there is one', async () => {
    await warnWithoutWatchdog(keep(false));
    process.env['PATH'] = PATH;
    process.execPath = execPath;
    const guarded = new Safekeeping({ endpoint: 'unix:/run/vm.qmp', enabled: true });
    await warnWithoutWatchdog(guarded);
    await guarded.disarm();
    expect(warnings).to.deep.equal([]);
  });
});
