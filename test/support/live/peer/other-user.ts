import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeQemuWithin } from './qemu-within.ts';

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
    const before = `chown -R ${OTHER_UID}:${OTHER_UID} "$directory"
exec setpriv --reuid=${OTHER_UID} --regid=${OTHER_UID} --clear-groups `;
    await writeQemuWithin(program.binary, before);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
