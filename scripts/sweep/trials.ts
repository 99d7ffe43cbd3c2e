import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseQomTree, QmpClient, saveDevicesState } from '../../protocols/qmp/index.ts';
import type { QemuProcess } from '../../src/testing/index.ts';
import { askEverything } from './ask-everything.ts';
import { readTraces, turnOnProtectionKeys } from './protected-guest.ts';
import { SweepError } from './sweep-error.ts';

/**
 * What users do: every question that may read the device state; registers and tables are compared with what they were.
 */
export async function askGuest(guest: QemuProcess): Promise<string> {
  await turnOnProtectionKeys(guest);
  const before = await readTraces(guest);
  const why = await askEverything(guest);
  if ((await readTraces(guest)) !== before) throw new SweepError('registers or tables are not what they were');
  return why === '' ? 'PKRU was read' : `PKRU was assumed: ${why}`;
}

const TIMEOUT_MS = 20_000;

/** Device state that is saved twice is saved with whatever the first time has left behind. */
const TIMES = 2;

/**
 * Makes the trial that decides what belongs into the list of harmless types: saves the device state without a look at
 * anything.
 *
 * @param survivors - gets the types of all objects in guests that survived
 */
export function saveAnyway(survivors: Set<string>): (guest: QemuProcess) => Promise<string> {
  return async (guest) => {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-sweep-'));
    const qmp = await QmpClient.connect(guest.qmpEndpoint, { timeoutMs: TIMEOUT_MS, requestTimeoutMs: TIMEOUT_MS });
    try {
      const nodes = parseQomTree(await qmp.hmp('info qom-tree /'));
      for (let time = 0; time < TIMES; time++) await saveDevicesState(qmp, join(directory, 'device-state'));
      for (const { path, type } of nodes) {
        if (path.startsWith('/machine/') || path.startsWith('/objects/')) survivors.add(type);
      }
      return 'QEMU survived it';
    } finally {
      await qmp.close();
      await rm(directory, { recursive: true, force: true });
    }
  };
}
