import { createHash } from 'node:crypto';

/**
 * A print of each vCPU's registers, by vCPU: enough to tell that a paused guest has run since. A guest that ran for a moment
 * and came to stand at the very same registers is not told apart.
 *
 * @internal
 */
export type RegisterPrints = Readonly<Record<string, string>>;

/** Enough digits that two register files never share them by chance. */
const PRINT_CHARS = 32;

/**
 * @param text - of `info registers`, of one vCPU or of all (`-a`)
 * @internal
 */
export function printRegisters(text: string): RegisterPrints {
  const prints: Record<string, string> = {};
  const [, ...parts] = `\n${text.replaceAll('\r', '')}`.split('\nCPU#');
  for (const part of parts) {
    const end = part.indexOf('\n');
    const cpu = part.slice(0, end).trim();
    prints[cpu] = createHash('sha256').update(part.slice(end).trim()).digest('base64url').slice(0, PRINT_CHARS);
  }
  return prints;
}

/** Whether every vCPU that was recorded still has the registers that it had. @internal */
export function isSamePrint(recorded: RegisterPrints, now: RegisterPrints): boolean {
  const cpus = Object.keys(recorded);
  return cpus.length > 0 && cpus.every((cpu) => recorded[cpu] === now[cpu]);
}
