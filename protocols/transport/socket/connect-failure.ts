import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { ConnectError, type ConnectErrorCode } from '../errors.ts';

type SocketKind = 'unix' | 'tcp';

interface Failure {
  readonly code: ConnectErrorCode;
  readonly problem: Readonly<Record<SocketKind, string>>;
}

const sameForBoth = (code: ConnectErrorCode, problem: string): Failure => ({
  code,
  problem: { unix: problem, tcp: problem },
});

/** What the system's error numbers mean here, and what the person can do about them. */
const FAILURES: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: {
    code: 'ERR_TRANSPORT_REFUSED',
    problem: {
      unix: 'no process listens on this socket; the QEMU that made it is gone, or it already has its one client',
      tcp: 'no process listens on this port; is QEMU running there, and is this the port of its -qmp or -gdb option?',
    },
  },
  ENOENT: sameForBoth(
    'ERR_TRANSPORT_NOT_FOUND',
    'there is no such socket; is QEMU running, and is this the path of its -qmp or -gdb option?',
  ),
  EACCES: sameForBoth(
    'ERR_TRANSPORT_ACCESS',
    'permission denied; run as the user that runs QEMU, or change the permissions of the socket and its folder',
  ),
  // A unix socket whose queue is full answers at once; TCP in the same position is silent and ends in the timeout.
  EAGAIN: sameForBoth(
    'ERR_TRANSPORT_BACKLOG',
    'QEMU serves one client at a time here, one is connected, and more are waiting; disconnect the other client',
  ),
  ENOTFOUND: sameForBoth('ERR_TRANSPORT_RESOLVE', 'the host name is unknown'),
  EAI_AGAIN: sameForBoth('ERR_TRANSPORT_RESOLVE', 'the name service did not answer'),
  ETIMEDOUT: sameForBoth('ERR_TRANSPORT_TIMEOUT', 'the host did not answer'),
};
const MORE_NAMES: Readonly<Record<string, string>> = { EPERM: 'EACCES', ENOTSOCK: 'ECONNREFUSED' };

/** Turns what the system said about a socket into an error that says what to do. @internal */
export function describeConnectFailure(error: Error, target: Extract<Endpoint, { kind: SocketKind }>): ConnectError {
  const name = (error as NodeJS.ErrnoException).code ?? '';
  const failure = FAILURES[MORE_NAMES[name] ?? name];
  const endpoint = formatEndpoint(target);
  // Several addresses tried give an AggregateError whose message is empty.
  const reported = error.message || name;
  if (failure === undefined) return new ConnectError('ERR_TRANSPORT_CONNECT', endpoint, reported, { cause: error });
  return new ConnectError(failure.code, endpoint, `${failure.problem[target.kind]} (${name})`, { cause: error });
}
