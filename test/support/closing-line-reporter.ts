import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

/** dist/test-result.txt, seen from dist/test/support, where this file runs. */
const RESULT_FILE = fileURLToPath(new URL('../../test-result.txt', import.meta.url));

/** The result of a run in one line for machines: `12 passed, 0 failed`, and `, 1 skipped` if any were. */
export function closingLine(stats: Readonly<Pick<Mocha.Stats, 'passes' | 'failures' | 'pending'>>): string {
  const skipped = stats.pending === 0 ? '' : `, ${stats.pending} skipped`;
  return `${stats.passes} passed, ${stats.failures} failed${skipped}`;
}

/** Mocha's own report, then the closing line; also in a file, as coverage reports are printed after the last test. */
class ClosingLineReporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const line = closingLine(this.stats);
    process.stdout.write(`${line}\n`);
    mkdirSync(dirname(RESULT_FILE), { recursive: true });
    writeFileSync(RESULT_FILE, `${line}\n`);
  }
}

// Mocha loads reporters with require(), which hands over a module's export of this name as the module itself.
export { ClosingLineReporter as 'module.exports' };
