import { expect } from 'chai';
import { describeFailure, exitStatusOf } from '../../../src/cli/describe-failure.ts';
import { CliError, InputFileError, InterruptedError, TraceFileError, UsageError } from '../../../src/cli/errors.ts';
import { GuestCpuError, GuestMemoryError, GuestStubError } from '../../../src/guest/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

describe('cli/describeFailure', () => {
  it('tells an error in one line', async () => {
    expect(await describeFailure(new GuestCpuError(5, [0, 1]), false)).to.deep.equal([
      'pagewalk: there is no vCPU 5: this guest has vCPUs 0 to 1',
    ]);
  });

  it('tells of a mistake in the program, with its causes, and asks for a report', async () => {
    const error = new TypeError('x is undefined', { cause: new RangeError('out of range') });
    expect(await describeFailure(error, false)).to.deep.equal([
      'pagewalk: internal error, please report it: TypeError: x is undefined; because of RangeError: out of range',
    ]);
  });

  it('tells each of several errors', async () => {
    const errors = new AggregateError([new GuestCpuError(1, [0]), new UsageError('and this')]);
    expect(await describeFailure(errors, false)).to.deep.equal([
      'pagewalk: there is no vCPU 1: this guest has only vCPU 0',
      'pagewalk: and this',
    ]);
  });

  it('makes sentences of the causes that an error has as data', async () => {
    const attempts = [{ provider: 'host-process', cause: { code: 'not-linux' } }] as const;
    expect(await describeFailure(new GuestMemoryError('it is needed', attempts), false)).to.deep.equal([
      'pagewalk: it is needed. This host does not have guest memory at hand (host-process: which process holds the other end of a socket is known on Linux only)',
    ]);
    expect((await describeFailure(new GuestMemoryError('it is needed', []), false)).join()).to.match(
      /at hand \(it was not to be looked for\)$/,
    );
    const unproven = { code: 'does-not-listen', pid: 7 } as const;
    const named = new GuestStubError('ERR_GUEST_STUB_UNREACHABLE', 'tcp::1', 'it is not proven', { unproven });
    expect(await describeFailure(named, false)).to.deep.equal([
      'pagewalk: it is not proven (process 7 does not listen there)',
    ]);
    const far = new GuestStubError('ERR_GUEST_STUB_UNREACHABLE', 'tcp::1', 'it is far away');
    expect(await describeFailure(far, false)).to.deep.equal(['pagewalk: it is far away']);
  });

  it('gives stacks, of the causes too, for debugging only', async () => {
    const error = new UsageError('wrong', undefined, { cause: new Error('deeper') });
    expect(await describeFailure(error, false)).to.deep.equal(['pagewalk: wrong']);
    const text = (await describeFailure(error, true)).join('\n');
    expect(text).to.match(/^pagewalk: wrong\nUsageError: wrong\n +at /);
    expect(text).to.match(/\nError: deeper\n +at /);
  });

  it('tells of each way in which memory was looked for', async () => {
    const attempts = [
      { provider: 'host-process', cause: { code: 'not-linux' } },
      { provider: 'host-process', cause: { code: 'no-file', block: 'pc.ram' } },
    ] as const;
    const [line = ''] = await describeFailure(new GuestMemoryError('it is needed', attempts), false);
    expect(line).to.match(/ \(host-process: which process .* Linux only; host-process: .*pc\.ram.*\)$/);
  });

  it('takes an error whose code is no text for a mistake in the program', async () => {
    expect(await describeFailure(Object.assign(new Error('odd'), { code: 5 }), false)).to.deep.equal([
      'pagewalk: internal error, please report it: Error: odd',
    ]);
  });

  it('tells of each cause once, and of no cause that is no error', async () => {
    const [one, other] = [new Error('one'), new Error('other', { cause: 'a text' })];
    one.cause = other;
    expect(await describeFailure(one, false)).to.deep.equal([
      'pagewalk: internal error, please report it: Error: one; because of Error: other',
    ]);
    other.cause = one;
    expect(await describeFailure(one, false)).to.deep.equal([
      'pagewalk: internal error, please report it: Error: one; because of Error: other',
    ]);
  });

  it('tells of each cause once where they run in a circle among themselves', async () => {
    const [one, other] = [new Error('one'), new Error('other')];
    one.cause = other;
    other.cause = one;
    expect(await describeFailure(new Error('first', { cause: one }), false)).to.deep.equal([
      'pagewalk: internal error, please report it: Error: first; because of Error: one; because of Error: other',
    ]);
  });

  it('has as many stacks as there are', async () => {
    const deeper = new Error('deeper');
    const error = new UsageError('wrong', undefined, { cause: deeper });
    error.stack = 'the stack';
    delete deeper.stack;
    expect(await describeFailure(error, true)).to.deep.equal(['pagewalk: wrong', 'the stack']);
    const both = new AggregateError([error, 'a text']);
    expect(await describeFailure(both, true)).to.deep.equal(['pagewalk: wrong', 'the stack', 'pagewalk: a text']);
  });

  it('survives causes in a circle, and what is no error', async () => {
    const error = new Error('round');
    error.cause = error;
    expect(await describeFailure(error, true)).to.have.lengthOf(2);
    expect(await describeFailure('thrown text', true)).to.deep.equal(['pagewalk: thrown text']);
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
