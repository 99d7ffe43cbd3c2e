import { rm } from 'node:fs/promises';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { cont, QmpClient, queryChardev, stop } from '../../../protocols/qmp/index.ts';
import { connect, formatEndpoint, parseEndpoint } from '../../../protocols/transport/index.ts';
import type { RestorePlan } from './watchdog.ts';

const TIMEOUT_MS = 5000;
const ATTEMPTS = 20;
const PAUSE_BETWEEN_ATTEMPTS_MS = 100;

/**
 * Puts a guest back from nothing but the plan: what the watchdog does when its client was killed. Nobody is there to be told
 * of an error, so each step is tried, and the next one follows whatever became of it.
 *
 * @internal
 */
export async function restoreGuest(what: RestorePlan): Promise<void> {
  if (what.qmp !== undefined) await attempt(() => restoreThroughQmp(what.qmp ?? '', what));
  else if (what.stub !== undefined) await attempt(() => restoreThroughStub(what.stub ?? '', what));
  if (what.ownStubDirectory !== undefined) await rm(what.ownStubDirectory, { recursive: true, force: true });
}

async function restoreThroughQmp(endpoint: string, what: RestorePlan): Promise<void> {
  // QEMU notices the end of the killed client's connection in its own time.
  const qmp = await persist(() => QmpClient.connect(endpoint, { timeoutMs: TIMEOUT_MS }));
  try {
    if (what.stub !== undefined) await attempt(() => leavePhysicalMode(qmp, what.stub ?? ''));
    if (what.resume) await attempt(() => cont(qmp));
    if (what.ownStubDirectory !== undefined) await attempt(() => qmp.hmp('gdbserver none'));
  } finally {
    await qmp.close();
  }
}

/** The guest must stand still for that; a stub which somebody else has taken meanwhile is theirs. */
async function leavePhysicalMode(qmp: QmpClient, stub: string): Promise<void> {
  await stop(qmp);
  const wanted = formatEndpoint(parseEndpoint(stub));
  const known = (await queryChardev(qmp)).find(({ endpoint }) => endpoint === wanted);
  if (known?.state === 'busy') return;
  const gdb = await GdbClient.connect(await connect(stub, { timeoutMs: TIMEOUT_MS }));
  await attempt(() => gdb.setPhysicalMode(false));
  await gdb.close();
}

async function restoreThroughStub(stub: string, what: RestorePlan): Promise<void> {
  const gdb = await persist(async () => GdbClient.connect(await connect(stub, { timeoutMs: TIMEOUT_MS })));
  await attempt(() => gdb.setPhysicalMode(false));
  if (what.resume) await attempt(() => gdb.monitor('cont'));
  await gdb.close();
}

async function attempt(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch {
    // Nobody is there to be told.
  }
}

async function persist<T>(step: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return await step();
    } catch (error) {
      if (left <= 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_BETWEEN_ATTEMPTS_MS));
    }
  }
}
