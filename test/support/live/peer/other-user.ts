import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultQemuBinary } from '../../../../src/testing/index.ts';

/** A user without rights that every Linux has: `nobody`. */
export const OTHER_UID = 65_534;

/**
 * A program for `launchQemu` that runs QEMU as another user: its private directory becomes that user's, which only root can do.
 */
export class QemuOfAnotherUser implements AsyncDisposable {
  readonly binary: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.binary = join(directory, 'qemu');
  }

  static async make(): Promise<QemuOfAnotherUser> {
    const program = new QemuOfAnotherUser(await mkdtemp(join(tmpdir(), 'pagewalk-user-')));
    const script = `#!/bin/sh
for word; do
  case $word in unix:*/qmp.sock,*) socket=\${word#unix:}; chown -R ${OTHER_UID}:${OTHER_UID} "\${socket%/qmp.sock,*}";; esac
done
exec setpriv --reuid=${OTHER_UID} --regid=${OTHER_UID} --clear-groups ${defaultQemuBinary()} "$@"
`;
    await writeFile(program.binary, script);
    await chmod(program.binary, 0o755);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
