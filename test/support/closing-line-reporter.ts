import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

/** Seen from dist/test/support, where this file runs. */
const RESULT_FILE = fileURLToPath(new URL('../../test-result.txt', import.meta.url));
/** Of runs beside each other, each has a file of its own. */
const { PAGEWALK_TEST_RESULT: resultFile = RESULT_FILE } = process.env;
/** Where each test that failed is added with its error: who sees only the end of a long log learns of all. */
const { PAGEWALK_TEST_FAILURES: failuresFile } = process.env;

/** The result of a run in one line for machines: `12 passed, 0 failed`, and `, 1 skipped` if any were. */
export function closingLine(stats: Readonly<Pick<Mocha.Stats, 'passes' | 'failures' | 'pending'>>): string {
  const skipped = stats.pending === 0 ? '' : `, ${stats.pending} skipped`;
  return `${stats.passes} passed, ${stats.failures} failed${skipped}`;
}

/** A test that failed, as the end of a log names it. What a worker threw comes as plain data. */
function failureText(test: Readonly<Mocha.Test>): string {
  const { err } = test;
  return `${test.titlePath().join(' > ')}\n${String(err?.stack ?? err?.message).replaceAll(/^/gm, '    ')}\n`;
}

/** What a leak gets to end by itself: pipes of processes that were killed, mostly. */
const GRACE_MS = 15_000;

/**
 * Ends a run that something keeps alive, as failed: a test that left a socket or a process behind is a fault, also when it
 * passed, and must not be waited for without end. A run that ends by itself never gets here.
 */
function endWhenStuck(): void {
  const end = (): void => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`${GRACE_MS} ms after the last test this run is kept alive by: ${open}\n`);
    // Mocha sets the status, by the number of failures, when the process exits. The listener that is added last has its way.
    process.on('exit', () => {
      process.exitCode = 1;
    });
    process.exit();
  };
  setTimeout(end, GRACE_MS).unref();
}

/** Mocha's own report, then the closing line; also in a file, as coverage reports are printed after the last test. */
class ClosingLineReporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const line = closingLine(this.stats);
    process.stdout.write(`${line}\n`);
    mkdirSync(dirname(resultFile), { recursive: true });
    writeFileSync(resultFile, `${line}\n`);
    if (failuresFile !== undefined) {
      appendFileSync(failuresFile, this.failures.map(failureText).join(''));
    }
    endWhenStuck();
  }
}

// Mocha loads reporters with require(), which hands over a module's export of this name as the module itself.
export { ClosingLineReporter as 'module.exports' };
