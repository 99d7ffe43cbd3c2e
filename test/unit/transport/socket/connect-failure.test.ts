import { expect } from 'chai';
import { describeConnectFailure } from '../../../../protocols/transport/socket/connect-failure.ts';

const unix = { kind: 'unix', path: '/run/vm.qmp' } as const;
const tcp = { kind: 'tcp', host: 'lab', port: 4444 } as const;

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

const CASES: ReadonlyArray<readonly [systemCode: string, code: string, says: RegExp]> = [
  ['ECONNREFUSED', 'ERR_TRANSPORT_REFUSED', /no process listens/],
  ['ENOTSOCK', 'ERR_TRANSPORT_REFUSED', /no process listens/],
  ['ENOENT', 'ERR_TRANSPORT_NOT_FOUND', /is QEMU running/],
  ['EACCES', 'ERR_TRANSPORT_ACCESS', /run as the user/],
  ['EPERM', 'ERR_TRANSPORT_ACCESS', /run as the user/],
  ['EAGAIN', 'ERR_TRANSPORT_BACKLOG', /disconnect the other client/],
  ['ENOTFOUND', 'ERR_TRANSPORT_RESOLVE', /host name is unknown/],
  ['ETIMEDOUT', 'ERR_TRANSPORT_TIMEOUT', /did not answer/],
  ['EWHATEVER', 'ERR_TRANSPORT_CONNECT', /connect EWHATEVER/],
];

describe('describeConnectFailure', () => {
  for (const [systemCode, code, says] of CASES) {
    it(`makes ${code} of ${systemCode}, with the endpoint, what to do, and the cause`, () => {
      const cause = systemError(systemCode);
      const error = describeConnectFailure(cause, unix);
      expect(error.code).to.equal(code);
      expect(error.message)
        .to.match(/^cannot connect to unix:\/run\/vm\.qmp: /)
        .and.match(says);
      expect(error.cause).to.equal(cause);
    });
  }

  it('says of a port what it does not say of a path', () => {
    expect(describeConnectFailure(systemError('ECONNREFUSED'), tcp).message).to.contain('this port');
    expect(describeConnectFailure(systemError('ECONNREFUSED'), unix).message).to.contain('this socket');
  });

  it('names the code when several addresses failed and the message is empty', () => {
    const cause = Object.assign(new AggregateError([], ''), { code: 'EHOSTUNREACH' });
    expect(describeConnectFailure(cause, tcp).message).to.equal('cannot connect to tcp:lab:4444: EHOSTUNREACH');
  });
});
