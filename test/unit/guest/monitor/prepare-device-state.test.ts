import { expect } from 'chai';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import { prepareDeviceState } from '../../../../src/guest/monitor/prepare-device-state.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';

describe('asking beforehand for what saving the device state depends on', () => {
  /** What is asked of a monitor whose vCPU has this as its `pku`. */
  async function asked(pku: unknown, qomPath: string | undefined, canSave = true): Promise<readonly string[]> {
    const seen: string[] = [];
    const qomGet: Monitor['qomGet'] = (path, property) => {
      seen.push(`${path} ${property}`);
      return Promise.resolve(pku as boolean);
    };
    const prepare = async (): Promise<void> => {
      await Promise.resolve();
      seen.push('prepare');
    };
    await prepareDeviceState(fakeMonitor({ qomGet, ...(canSave ? { prepareDeviceState: prepare } : {}) }), qomPath);
    return seen;
  }

  it('is done for a processor that has protection keys, and for no other', async () => {
    expect(await asked(true, '/cpu')).to.deep.equal(['/cpu pku', 'prepare']);
    for (const pku of [false, undefined, 1, 'true']) expect(await asked(pku, '/cpu')).to.deep.equal(['/cpu pku']);
  });

  it('asks nothing where there is no such vCPU, or no such command', async () => {
    expect(await asked(true, undefined)).to.deep.equal([]);
    expect(await asked(true, '/cpu', false)).to.deep.equal([]);
  });
});
