import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { MatrixDimensions } from './legal-cases.ts';
import { type MatrixResult, type MatrixRun, runMatrix } from './run-matrix.ts';

/**
 * Runs the complete matrix, at four and at five levels, on as many threads as there are processors:
 *
 * ```
 * node dist/test/conformance/access-matrix/main.js [MAXPHYADDR]
 * ```
 *
 * 40 address bits are the default. The exit code is 1 if the walker failed in any case.
 */
async function main(): Promise<void> {
  const maxPhyAddr = Number(process.argv[2] ?? 40);
  if (!Number.isInteger(maxPhyAddr) || maxPhyAddr < 32 || maxPhyAddr > 52) {
    process.stderr.write(`MAXPHYADDR must be a number from 32 to 52, not ${process.argv[2]}\n`);
    process.exitCode = 2;
    return;
  }
  const dimensions: MatrixDimensions = { maxPhyAddr, protectionKeys: true, smep: false };
  for (const mode of ['4-level', '5-level'] as const) {
    const started = performance.now();
    const result = await runOnThreads({ mode, dimensions });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${mode}: ${result.judged} cases judged, ${result.failed} failed, in ${seconds} s\n`);
    process.stdout.write(result.failures.map((failure) => `${failure}\n`).join(''));
    process.exitCode = result.failed > 0 ? 1 : (process.exitCode ?? 0);
  }
}

async function runOnThreads(run: MatrixRun): Promise<MatrixResult> {
  const parts = availableParallelism();
  const shares = Array.from({ length: parts }, (_, part) => runOnThread({ ...run, share: { part, parts } }));
  const results = await Promise.all(shares);
  return {
    judged: results.reduce((sum, result) => sum + result.judged, 0),
    failed: results.reduce((sum, result) => sum + result.failed, 0),
    failures: results.flatMap((result) => result.failures),
  };
}

function runOnThread(run: MatrixRun): Promise<MatrixResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: run });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (isMainThread) {
  await main();
} else {
  parentPort?.postMessage(runMatrix(workerData as MatrixRun));
}
