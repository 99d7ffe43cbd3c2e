import { existsSync } from 'node:fs';

/** The system's own before one of the user's choice, which may be a script that chooses. */
const SYSTEM_PYTHON = '/usr/bin/python3';

/** Python 3, for what Node has no call for. Whether it is there shows when it is started. @internal */
export function pythonProgram(): string {
  return existsSync(SYSTEM_PYTHON) ? SYSTEM_PYTHON : 'python3';
}

/** Isolated: nothing of the user's environment or of the working directory takes part. @internal */
export const PYTHON_OPTIONS: readonly string[] = ['-I', '-S'];
