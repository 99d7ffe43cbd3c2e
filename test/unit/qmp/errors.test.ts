import { expect } from 'chai';
import * as qmp from '../../../protocols/qmp/errors.ts';
import {
  DeviceStateError,
  MonitorTextError,
  QmpBusyError,
  QmpClosedError,
  QmpCommandError,
  QmpError,
  QmpHmpError,
  QmpProtocolError,
  QmpReplyError,
  QmpTimeoutError,
  QmpTlsStallError,
  QmpUndeliveredError,
} from '../../../protocols/qmp/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const endpoint = 'unix:/run/vm.qmp';
const cause = new Error('the cause');
const problem = 'expected number, received string';

const EXAMPLES = {
  QmpProtocolError: () => new QmpProtocolError({ endpoint, expected: 'a greeting', received: '\x1b[2J' }, { cause }),
  QmpBusyError: () => new QmpBusyError(endpoint, 5000),
  QmpClosedError: () =>
    new QmpClosedError({ endpoint, happened: 'gone', command: 'stop', explanation: 'EPIPE' }, { cause }),
  QmpTimeoutError: () => new QmpTimeoutError(endpoint, 'stop', 10),
  QmpTlsStallError: () => new QmpTlsStallError(endpoint, '7.2.22'),
  QmpCommandError: () => new QmpCommandError(endpoint, 'stop', { errorClass: 'GenericError', desc: 'no' }),
  QmpUndeliveredError: () => new QmpUndeliveredError(endpoint, 'stop', 'client socket is closed'),
  QmpReplyError: () => new QmpReplyError({ endpoint, command: 'stop', path: 'a.b', problem, reply: '{}' }, { cause }),
  QmpHmpError: () => new QmpHmpError(endpoint, 'bogus', "unknown command: 'bogus'\n"),
  MonitorTextError: () => new MonitorTextError('info mtree -f', 'no range', { lineNumber: 3, line: 'x' }),
  DeviceStateError: () => new DeviceStateError('too short', 17),
} satisfies Record<string, () => QmpError>;

const WITH_CAUSE = new Set(['QmpProtocolError', 'QmpClosedError', 'QmpReplyError']);

describe('the errors of QMP', () => {
  it('are all tried here', () => {
    const exported = Object.keys(qmp).filter(
      (name) => name.endsWith('Error') && !['QmpError', 'isHmpError'].includes(name),
    );
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  it('have codes that differ', () => {
    const codes = Object.values(EXAMPLES).map((make) => make().code);
    expect(new Set(codes).size).to.equal(codes.length);
  });

  for (const [name, make] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code and cause`, () => {
      const error = make();
      expect(error).to.be.instanceOf(QmpError);
      expect(error.name).to.equal(name);
      expectErrorShape(error, 'QMP', WITH_CAUSE.has(name) ? cause : undefined);
    });
  }

  it('keep their evidence in fields', () => {
    expect(EXAMPLES.QmpProtocolError()).to.include({ endpoint, expected: 'a greeting', received: '\x1b[2J' });
    expect(EXAMPLES.QmpClosedError()).to.include({ endpoint, happened: 'gone', command: 'stop', explanation: 'EPIPE' });
    expect(EXAMPLES.QmpUndeliveredError()).to.include({ endpoint, command: 'stop', desc: 'client socket is closed' });
    expect(EXAMPLES.QmpReplyError()).to.include({ endpoint, command: 'stop', path: 'a.b', reply: '{}' });
    expect(EXAMPLES.MonitorTextError()).to.include({ commandLine: 'info mtree -f', lineNumber: 3, line: 'x' });
    expect(EXAMPLES.DeviceStateError()).to.include({ offset: 17 });
  });

  it('show nothing that a terminal would obey', () => {
    const nasty = '\x1b[2J\u009b1m\u202e\r\n\x7f';
    const error = new QmpProtocolError({ endpoint, expected: 'a greeting', received: nasty });
    expect(error.message).to.match(/received "\\u001b\[2J\\u009b1m\\u202e\\r\\n\\u007f"$/);
    expect(error.received).to.equal(nasty);
  });

  it('keep 4096 characters of a line', () => {
    const error = new MonitorTextError('info status', 'no known form', { lineNumber: 1, line: 'y'.repeat(5000) });
    expect(error.line).to.equal('y'.repeat(4096));
  });

  it('name the place in a reply, where there is one', () => {
    const evidence = { endpoint, command: 'stop', problem, reply: '{}' };
    expect(new QmpReplyError({ ...evidence, path: '[0].a' }).message).to.contain(`stop: [0].a: ${problem}, in "{}"`);
    expect(new QmpReplyError({ ...evidence, path: '' }).message).to.contain(`stop: ${problem}, in "{}"`);
  });

  it('show the beginning of what is long', () => {
    const error = new QmpHmpError(endpoint, 'x', 'y'.repeat(1000));
    expect(error.message).to.match(/"y{200}" and 800 more characters$/);
  });
});
