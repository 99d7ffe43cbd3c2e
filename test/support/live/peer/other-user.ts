import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeQemuWithin } from './qemu-within.ts';

/** A user without rights that every Linux has: `nobody`. */
export const OTHER_UID = 65_534;

const OWNED = `chown -R ${OTHER_UID}:${OTHER_UID} "$directory" && exec "$@"`;

/** Words of a shell that start QEMU as that user, whose its private directory becomes: only root can do that. */
export const AS_ANOTHER_USER = `sh -c '${OWNED}' sh setpriv --reuid=${OTHER_UID} --regid=${OTHER_UID} --clear-groups `;

/**
 * A program for `launchQemu` that runs QEMU as another user.
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
    await writeQemuWithin(program.binary, AS_ANOTHER_USER);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
