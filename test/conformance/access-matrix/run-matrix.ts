import { describeFlags, FLAG } from './flags.ts';
import { forEachLegalCase, type MatrixDimensions, type MatrixShare } from './legal-cases.ts';
import { type MatrixOutcome, MatrixWalker, matrixPages } from './matrix-walker.ts';
import { type MatrixExpectation, MatrixOracle } from './oracle.ts';

/** What to run: which processor, which mode, and how much of it. @internal */
export interface MatrixRun {
  mode: '4-level' | '5-level';
  dimensions: MatrixDimensions;
  share?: MatrixShare;
  /** Judge only every `stride`-th case; 1 judges all. */
  stride?: number;
}

/** What came of it. @internal */
export interface MatrixResult {
  judged: number;
  failed: number;
  /** The first few failures in words. */
  failures: string[];
}

const reportedFailures = 10;

/**
 * Judges the walker by the oracle on every case of a run.
 *
 * @internal
 */
export function runMatrix(run: MatrixRun): MatrixResult {
  const oracle = new MatrixOracle();
  const walker = new MatrixWalker(run.mode, run.dimensions.maxPhyAddr);
  const result: MatrixResult = { judged: 0, failed: 0, failures: [] };
  const stride = run.stride ?? 1;
  let seen = 0;
  const judge = (flags: number) => {
    if (seen++ % stride !== 0) {
      return;
    }
    result.judged++;
    const expectation = oracle.expect(flags);
    const outcome = walker.run(flags);
    if (!agree(flags, expectation, outcome)) {
      result.failed++;
      if (result.failures.length < reportedFailures) {
        result.failures.push(describeFailure(run, flags, expectation, outcome));
      }
    }
  };
  forEachLegalCase(run.dimensions, judge, run.share);
  return result;
}

function agree(flags: number, expectation: MatrixExpectation, outcome: MatrixOutcome): boolean {
  return (
    outcome.errorCode === expectation.errorCode &&
    outcome.pteAccessed === expectation.pteAccessed &&
    outcome.pteDirty === expectation.pteDirty &&
    (expectation.pdeAccessedOpen || outcome.pdeAccessed === expectation.pdeAccessed) &&
    outcome.pdeDirty === expectation.pdeDirty &&
    outcome.physicalAddress === expectedAddress(flags, expectation)
  );
}

function expectedAddress(flags: number, expectation: MatrixExpectation): bigint {
  if (expectation.errorCode !== null) {
    return 0n;
  }
  return (flags & FLAG.pdePageSize) === 0 ? matrixPages.small : matrixPages.large;
}

function describeFailure(
  run: MatrixRun,
  flags: number,
  expectation: MatrixExpectation,
  outcome: MatrixOutcome,
): string {
  const { maxPhyAddr } = run.dimensions;
  return [
    `case 0x${flags.toString(16)}, ${run.mode}, ${maxPhyAddr} address bits: ${describeFlags(flags)}`,
    `  expected ${describeEntries(expectation)}${expectation.pdeAccessedOpen ? ' (PDE.A is open)' : ''}`,
    `  walker   ${describeEntries(outcome)}, to 0x${outcome.physicalAddress.toString(16)}`,
  ].join('\n');
}

function describeEntries(entries: MatrixExpectation | MatrixOutcome): string {
  const code = entries.errorCode === null ? 'no fault' : `#PF ${entries.errorCode.toString(16)}`;
  const bits = (accessed: boolean, dirty: boolean) => `${accessed ? 'A' : '-'}${dirty ? 'D' : '-'}`;
  const pde = bits(entries.pdeAccessed, entries.pdeDirty);
  return `${code}, PDE ${pde}, PTE ${bits(entries.pteAccessed, entries.pteDirty)}`;
}
