import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { QmpClient, queryStatus } from '../../protocols/qmp/index.ts';
import { launchQemu, QemuLaunchError, type QemuProcess } from '../../src/testing/index.ts';
import type { DeviceType } from './list-devices.ts';
import { type Recipe, recipesOf, whyUntried } from './recipes.ts';

/** What came of a device. */
export type Outcome =
  | { readonly kind: 'fine'; readonly note: string }
  | { readonly kind: 'harmed'; readonly note: string }
  | { readonly kind: 'skipped'; readonly note: string };

/** What is done with a guest that has the device. @returns a note; @throws when the guest or QEMU came to harm. */
export type Trial = (guest: QemuProcess) => Promise<string>;

const START_TIMEOUT_MS = 15_000;
const BACKEND_TIMEOUT_MS = 5000;
/** QEMU may still be on its way down when its last answer is here. */
const DYING_MS = 50;
const NOTE_CHARS = 160;
const DIRECTORY = '@DIR@';

interface Target {
  readonly binary: string;
  readonly machine: string;
}

/** Starts a paused guest with a device, in the first way that works, and tries it. */
export async function tryDevice(device: DeviceType, target: Target, trial: Trial): Promise<Outcome> {
  const why = whyUntried(device);
  if (why !== undefined) return { kind: 'skipped', note: why };
  let problem = '';
  for (const recipe of recipesOf(device)) {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-sweep-'));
    const backend = recipe.backend && startBackend(fillIn(recipe.backend, directory));
    try {
      if (backend !== undefined) await awaitFile(join(directory, 'backend'));
      await using guest = await start(device, recipe, target, directory);
      return await judge(guest, trial);
    } catch (error) {
      if (!(error instanceof QemuLaunchError)) throw error;
      problem ||= lastLine(error.output) || lastLine(error.message);
    } finally {
      backend?.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    }
  }
  return { kind: 'skipped', note: problem };
}

function start(
  device: DeviceType,
  recipe: Recipe,
  { binary, machine }: Target,
  directory: string,
): Promise<QemuProcess> {
  const properties = recipe.properties === undefined ? '' : `,${recipe.properties}`;
  const words = [...(recipe.first ?? []), '-device', `${device.name}${properties}`];
  return launchQemu({
    binary,
    machine,
    cpu: 'max',
    accel: 'tcg',
    memory: '128M,slots=4,maxmem=2G',
    paused: true,
    debugcon: false,
    startTimeoutMs: START_TIMEOUT_MS,
    extraArgs: ['-vga', 'none', ...fillIn(words, directory)],
  });
}

async function judge(guest: QemuProcess, trial: Trial): Promise<Outcome> {
  const before = await runStateOf(guest);
  try {
    const note = await trial(guest);
    const death = await Promise.race([guest.exited, delay(DYING_MS)]);
    if (death) return { kind: 'harmed', note: `QEMU ended (${death.signal ?? death.status})` };
    const after = await runStateOf(guest);
    return after === before
      ? { kind: 'fine', note }
      : { kind: 'harmed', note: `its run state was ${before}, is ${after}` };
  } catch (error) {
    const death = await Promise.race([guest.exited, delay(DYING_MS)]);
    const what = death ? `QEMU ended (${death.signal ?? death.status}): ` : '';
    return { kind: 'harmed', note: `${what}${lastLine(error instanceof Error ? error.message : String(error))}` };
  }
}

async function runStateOf(guest: QemuProcess): Promise<string> {
  const qmp = await QmpClient.connect(guest.witnessEndpoint, { timeoutMs: START_TIMEOUT_MS });
  try {
    return (await queryStatus(qmp)).status;
  } finally {
    await qmp.close();
  }
}

function fillIn(words: readonly string[], directory: string): readonly string[] {
  return words.map((word) => word.replaceAll(DIRECTORY, directory));
}

function startBackend([program = '', ...words]: readonly string[]): ChildProcess {
  const child = spawn(program, words, { stdio: 'ignore' });
  child.on('error', () => {});
  return child;
}

async function awaitFile(path: string): Promise<void> {
  for (const end = Date.now() + BACKEND_TIMEOUT_MS; !existsSync(path) && Date.now() < end; ) await delay(10);
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, NOTE_CHARS);
}
