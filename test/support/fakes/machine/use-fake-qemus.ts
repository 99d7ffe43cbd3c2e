import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeQemu, type FakeQemuOptions } from './fake-qemu.ts';

/** What a suite is given: machines, and the journals that clients keep of them. */
export interface FakeQemus {
  /** Starts one. */
  start(options?: Omit<FakeQemuOptions, 'path'>): Promise<FakeQemu>;
  /** Names a file of this test's own folder. */
  file(name: string): string;
  /** The folder in which the journals are. */
  readonly journals: string;
  /** Keeps the one journal that is there, also when it is gone by then. */
  holdJournal(): HeldJournal;
}

/** A journal that is looked at. */
export interface HeldJournal {
  /** Its plans so far, without where it is itself: all of them, or those since the last time. */
  takePlans(): readonly unknown[];
}

/**
 * Machines for the suite in which it is called, which end after each test; what is kept on disk of a guest is in a folder of the
 * test's own meanwhile.
 */
export function useFakeQemus(): FakeQemus {
  const machines: FakeQemu[] = [];
  const held: number[] = [];
  const before = process.env['XDG_RUNTIME_DIR'];
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    process.env['XDG_RUNTIME_DIR'] = folder;
  });

  afterEach(async () => {
    for (const descriptor of held.splice(0)) closeSync(descriptor);
    await Promise.all(machines.splice(0).map((machine) => machine.close()));
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
    rmSync(folder, { recursive: true });
  });

  return {
    async start(options = {}) {
      const machine = await FakeQemu.start({ ...options, path: join(folder, `vm${machines.length}`) });
      machines.push(machine);
      return machine;
    },
    file: (name) => join(folder, name),
    get journals() {
      return join(folder, 'pagewalk');
    },
    holdJournal() {
      const journals = join(folder, 'pagewalk');
      const [name, ...others] = existsSync(journals) ? readdirSync(journals) : [];
      if (name === undefined || others.length > 0) throw new Error('there is not one journal');
      const file = join(journals, name);
      const descriptor = openSync(file, 'r');
      held.push(descriptor);
      let taken = 1;
      return {
        takePlans() {
          const text = readFileSync(`/proc/self/fd/${descriptor}`, 'utf8');
          const lines = text.trimEnd().split('\n').slice(taken);
          taken += lines.length;
          return lines.map((line) => JSON.parse(line) as unknown);
        },
      };
    },
  };
}
