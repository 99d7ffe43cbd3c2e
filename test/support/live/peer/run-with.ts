import { execFileSync } from 'node:child_process';
import { defaultQemuBinary } from '../../../../src/testing/index.ts';

/**
 * Words by which QEMU drops its rights, and takes a folder for its root: `-runas` and `-chroot` until 9.0, `-run-with` from then on; QEMU 10
 * does not know the others any more.
 */
export function runWith({ user, chroot }: { readonly user?: string; readonly chroot?: string }): readonly string[] {
  const help = execFileSync(defaultQemuBinary(), ['-help'], { encoding: 'utf8' });
  const wanted = Object.entries({ chroot, user }).filter(([, value]) => value !== undefined);
  if (/^-run-with .*user=/m.test(help))
    return ['-run-with', wanted.map(([name, value]) => `${name}=${value}`).join(',')];
  return wanted.flatMap(([name, value]) => [name === 'user' ? '-runas' : '-chroot', String(value)]);
}
