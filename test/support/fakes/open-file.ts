import type { DeviceStateFile } from '../../../src/guest/monitor/device-state-file.ts';
import { PrivateDirectory, planPrivateDirectory } from '../../../src/guest/restore/private-directory.ts';

let directory: PrivateDirectory | undefined;

/** The file of a test, in a directory that is made when it is first asked for. The test takes it away by {@link removeDirectory}. */
export function openFile(): DeviceStateFile {
  directory ??= PrivateDirectory.make(planPrivateDirectory(), undefined);
  const made = directory;
  return {
    path: made.pathOf('device-state'),
    read: () => made.read('device-state'),
    discard: () => made.unlink('device-state'),
  };
}

export function removeDirectory(): void {
  directory?.remove();
  directory = undefined;
}
