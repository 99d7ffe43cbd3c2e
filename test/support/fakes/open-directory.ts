import { PrivateDirectory, planPrivateDirectory } from '../../../src/guest/restore/private-directory.ts';

let directory: PrivateDirectory | undefined;

/** The directory of a test, as a link makes it: when it is first asked for. The test takes it away by {@link removeDirectory}. */
export function openDirectory(): PrivateDirectory {
  directory ??= PrivateDirectory.make(planPrivateDirectory(), undefined);
  return directory;
}

export function removeDirectory(): void {
  directory?.remove();
  directory = undefined;
}
