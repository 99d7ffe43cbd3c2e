import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SweepError } from './sweep-error.ts';

/** A type that `-device` takes. */
export interface DeviceType {
  readonly name: string;
  /** What it is plugged into; '' where QEMU names none. */
  readonly bus: string;
}

const LINE = /^name "([^"]+)"(?:, bus ([^,]+))?/;

/** Every device type that a QEMU lists for a machine. @throws SweepError when it lists none. */
export async function listDevices(binary: string, machine: string): Promise<readonly DeviceType[]> {
  const words = ['-machine', machine, '-device', 'help'];
  const { stdout } = await promisify(execFile)(binary, words, { maxBuffer: 1 << 24 }).catch((error: Error) => {
    throw new SweepError(`${binary} ${words.join(' ')} cannot list its devices: ${error.message}`);
  });
  const found = stdout.split('\n').flatMap((line) => {
    const [, name, bus = ''] = LINE.exec(line) ?? [];
    return name === undefined ? [] : [{ name, bus }];
  });
  if (found.length === 0) throw new SweepError(`${binary} ${words.join(' ')} lists no device`);
  return found;
}
