import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { hmpOf, type Lie, type Request } from '../lie.ts';

/** Names a file as the one that backs the guest's memory. */
export const backingFile: Lie = {
  answer({ execute, arguments: given }, facts) {
    if (execute !== 'qom-get') return undefined;
    if (given?.['property'] === 'memory-backend') return { value: '/objects/pc.ram' };
    if (given?.['property'] === 'mem-path') return { value: facts['memPath'] };
    if (given?.['property'] === 'share') return { value: true };
    return undefined;
  },
};

/** Says that the device state was written, and puts something else there. */
function deviceState(put: (path: string, facts: Readonly<Record<string, string | number>>) => void): Lie {
  return {
    answer(request, facts) {
      if (request.execute !== 'xen-save-devices-state') return undefined;
      attempt(() => put(fileOf(request), facts));
      return { value: {} };
    },
    amend: sayOwnThread,
  };
}

function fileOf({ arguments: given }: Request): string {
  return String(given?.['filename'] ?? '');
}

/** The peer names itself as the thread of a vCPU: it looks like QEMU, and may be given a directory. */
function sayOwnThread({ execute }: Request, value: unknown): unknown {
  if (execute !== 'query-cpus-fast') return undefined;
  return (value as Record<string, unknown>[]).map((cpu) => ({ ...cpu, 'thread-id': process.pid }));
}

/** What may not be done is no reason to stop: the peer tries what it can. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ at: Date.now(), refused: String(error) })}\n`);
  }
}

/** Says that its stub listens, and puts a link to a socket of another user in the place of its own. */
export const linkedStub: Lie = {
  answer(request, { target = '' }) {
    if (request.execute === 'query-chardev') return { value: [] };
    const path = /^gdbserver "?unix:([^,"]+)/.exec(hmpOf(request))?.[1];
    if (path === undefined) return undefined;
    attempt(() => symlinkSync(String(target), path));
    return { value: `Waiting for gdb connection on device 'unix:${path},server=on,wait=off'\r\n` };
  },
  amend: sayOwnThread,
};

const MANY = 8000;

/**
 * Fills the directory that it was handed, waits until the client removes what is in it one by one, and puts a link to a directory of
 * another user in its place: what removes recursively by name goes on in there.
 */
const swappedDirectory: Lie = {
  answer(request, { victimDirectory = '', victims = '' }) {
    if (request.execute !== 'xen-save-devices-state') return undefined;
    const directory = dirname(fileOf(request));
    attempt(() => {
      const inner = join(directory, 'a');
      mkdirSync(inner);
      for (let at = 0; at < MANY; at += 1) writeFileSync(join(inner, `f${String(at).padStart(5, '0')}`), '');
      for (const name of String(victims).split(',')) writeFileSync(join(inner, name), '');
      const order = readdirSync(inner);
      const canary = join(inner, order[50] ?? '');
      const watch = (): void => {
        if (existsSync(canary)) {
          setImmediate(watch);
          return;
        }
        attempt(() => {
          renameSync(inner, join(directory, 'b'));
          symlinkSync(String(victimDirectory), inner);
        });
      };
      watch();
    });
    return { value: {} };
  },
  amend: sayOwnThread,
};

/** Each is a thing that is no device state. */
export const DEVICE_STATES: Readonly<Record<string, Lie>> = {
  'device-state-link': deviceState((path, { target = '' }) => symlinkSync(String(target), path)),
  'device-state-hard-link': deviceState((path, { target = '' }) => linkSync(String(target), path)),
  'device-state-directory': deviceState((path) => mkdirSync(path)),
  'device-state-socket': deviceState((path) => createServer().listen(path)),
  'device-state-sparse': deviceState((path) => {
    writeFileSync(path, 'QEVM\0\0\0\x03');
    truncateSync(path, 2 ** 40);
  }),
  'device-state-open': deviceState((path) => {
    writeFileSync(path, '', { mode: 0o666 });
  }),
  'swapped-directory': swappedDirectory,
};
