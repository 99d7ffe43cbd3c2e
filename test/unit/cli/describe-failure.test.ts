import { expect } from 'chai';
import { describeFailure, exitStatusOf } from '../../../src/cli/describe-failure.ts';
import { CliError, InputFileError, InterruptedError, TraceFileError, UsageError } from '../../../src/cli/errors.ts';
import { GuestCpuError } from '../../../src/guest/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

describe('cli/describeFailure', () => {
  it('tells an error in one line', () => {
    expect(describeFailure(new GuestCpuError(5, [0, 1]), false)).to.deep.equal([
      'pagewalk: there is no vCPU 5: this guest has vCPUs 0 to 1',
    ]);
  });

  it('tells of a mistake in the program, with its causes, and asks for a report', () => {
    const error = new TypeError('x is undefined', { cause: new RangeError('out of range') });
    expect(describeFailure(error, false)).to.deep.equal([
      'pagewalk: internal error, please report it: TypeError: x is undefined; because of RangeError: out of range',
    ]);
  });

  it('tells each of several errors', () => {
    const errors = new AggregateError([new GuestCpuError(1, [0]), new UsageError('and this')]);
    expect(describeFailure(errors, false)).to.deep.equal([
      'pagewalk: there is no vCPU 1: this guest has only vCPU 0',
      'pagewalk: and this',
    ]);
  });

  it('gives stacks, of the causes too, for debugging only', () => {
    const error = new UsageError('wrong', undefined, { cause: new Error('deeper') });
    expect(describeFailure(error, false)).to.deep.equal(['pagewalk: wrong']);
    const text = describeFailure(error, true).join('\n');
    expect(text).to.match(/^pagewalk: wrong\nUsageError: wrong\n +at /);
    expect(text).to.match(/\nError: deeper\n +at /);
  });

  it('survives causes in a circle, and what is no error', () => {
    const error = new Error('round');
    error.cause = error;
    expect(describeFailure(error, true)).to.have.lengthOf(2);
    expect(describeFailure('thrown text', true)).to.deep.equal(['pagewalk: thrown text']);
  });
});

describe('cli/exitStatusOf', () => {
  it('knows usage, signals and everything else', () => {
    expect(exitStatusOf(new UsageError('x'))).to.equal(2);
    expect(exitStatusOf(new TraceFileError('f', new Error('full')))).to.equal(2);
    expect(exitStatusOf(new InterruptedError('SIGINT', 2))).to.equal(130);
    expect(exitStatusOf(new InterruptedError('SIGTERM', 15))).to.equal(143);
    expect(exitStatusOf(new GuestCpuError(1, [0]))).to.equal(3);
    expect(exitStatusOf(new TypeError('x'))).to.equal(3);
    expect(exitStatusOf(new AggregateError([new InterruptedError('SIGINT', 2), new Error('x')]))).to.equal(130);
  });
});

describe('cli errors', () => {
  const cause = new Error('below');
  const errors: readonly (readonly [CliError, unknown])[] = [
    [new UsageError('m', 'state', { cause }), cause],
    [new TraceFileError('f', cause), cause],
    [new InputFileError('f', 3, 'is odd', { cause }), cause],
    [new InterruptedError('SIGINT', 2), undefined],
  ];
  for (const [error, expected] of errors) {
    it(`${error.name} has the shape of all errors`, () => {
      expect(error).to.be.instanceOf(CliError);
      expectErrorShape(error, 'CLI', expected);
    });
  }
});
