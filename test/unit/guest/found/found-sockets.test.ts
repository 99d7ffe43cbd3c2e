import { expect } from 'chai';
import { FoundSockets } from '../../../../src/guest/found/found-sockets.ts';
import type { HostLook } from '../../../../src/guest/found/host-look.ts';
import type { ChardevAddress } from '../../../../src/guest/found/qemu-options.ts';
import type { TcpRow, UnixSocket } from '../../../../src/guest/peer/socket-tables.ts';
import { fakeHostLook, type SeenProcess } from '../../../support/host/fake-host-look.ts';

const PID = 10;
const PATH = '/run/vm.qmp';
const OURS = { net: 'net:[1]' };
const ELSEWHERE = 'net:[2]';

const unix = (inode: number, isListening: boolean, path = PATH): UnixSocket => ({ inode, isListening, path });

/** How a socket of one process stands, where this is seen of the host. */
function look(
  address: ChardevAddress,
  seen: SeenProcess,
  { self = {}, network = OURS.net, ...replaced }: Partial<HostLook> & { self?: SeenProcess; network?: string } = {},
) {
  const host = fakeHostLook({ [PID]: seen, self: { namespaces: OURS, ...self } }, replaced);
  return new FoundSockets(host).look(PID, network, address);
}

describe('how a unix socket of a QEMU stands', () => {
  const address: ChardevAddress = { kind: 'unix', path: PATH };
  const hidden = { address: PATH, endpoint: null, holder: null };

  it('is free while it only listens, held while a client is connected, and absent without one', () => {
    const sockets = { 1: 7, 2: 8 };
    expect(look(address, { sockets, unix: [unix(1, true)] })).to.deep.equal({ ...hidden, state: 'free' });
    expect(look(address, { sockets, unix: [unix(1, true), unix(2, false)] })).to.deep.equal({
      ...hidden,
      state: 'held',
    });
    expect(look(address, { sockets, unix: [unix(1, true, '/run/other')] })).to.deep.equal({
      ...hidden,
      state: 'absent',
    });
    expect(look(address, { sockets, unix: [unix(1, true), unix(3, false)] }), "another's connection").to.have.property(
      'state',
      'free',
    );
    expect(look(address, { sockets, unix: [unix(3, true)] }), "another's socket").to.have.property('state', 'absent');
  });

  it('is told by the name alone where its descriptors cannot be seen', () => {
    expect(look(address, { unix: [unix(1, true)] })).to.have.property('state', 'free');
    expect(look(address, { unix: [unix(1, true), unix(2, false)] })).to.have.property('state', 'held');
    expect(look(address, {})).to.have.property('state', 'absent');
  });

  it('is held by who has the other end of a connection', () => {
    const seen = { sockets: { 1: 7, 2: 8, 3: 9 }, unix: [unix(1, true), unix(2, false), unix(3, false)] };
    const asked: (readonly number[])[] = [];
    const holder = (inodes: readonly number[]): number => {
      asked.push(inodes);
      return 50;
    };
    const otherEnds = () =>
      new Map([
        [1, 11],
        [3, 33],
      ]);
    const executable = (pid: number) => (pid === 50 ? '/usr/bin/socat' : undefined);
    expect(look(address, seen, { otherEnds, holder, executable })).to.deep.equal({
      ...hidden,
      state: 'held',
      holder: { pid: 50, program: 'socat' },
    });
    expect(asked).to.deep.equal([[33]]);
    expect(look(address, seen, { otherEnds, holder })).to.have.deep.property('holder', { pid: 50, program: null });
    expect(look(address, seen, { otherEnds })).to.have.property('holder', null);
  });

  it('is looked for among our own sockets, too, where its network is another one: what it accepted is in the network of its client', () => {
    const seen = { sockets: { 1: 7, 2: 8 }, unix: [unix(1, true)] };
    const self = { unix: [unix(2, false)] };
    expect(look(address, seen, { self, network: ELSEWHERE })).to.have.property('state', 'held');
    expect(look(address, seen, { self }), 'one table is looked at once').to.have.property('state', 'free');
  });

  it('is free where the table of its network is gone with the process', () => {
    const unixSockets = (): never => {
      throw new Error('gone');
    };
    expect(look(address, { sockets: { 1: 7 } }, { unixSockets })).to.have.property('state', 'absent');
  });

  describe('and is reached', () => {
    const theirs = `/proc/${PID}/root${PATH}`;
    const reached = (places: Readonly<Record<string, string>>, path = PATH): string | null =>
      look({ kind: 'unix', path }, {}, { socketAt: (place) => places[place] }).endpoint;

    it('by its name where that leads to the same file', () => {
      expect(reached({ [PATH]: '1:2', [theirs]: '1:2' })).to.equal(`unix:${PATH}`);
    });

    it('by way of its root where the name is another socket here, or none', () => {
      expect(reached({ [PATH]: '1:3', [theirs]: '1:2' })).to.equal(`unix:${theirs}`);
      expect(reached({ [theirs]: '1:2' })).to.equal(`unix:${theirs}`);
    });

    it('by its name where its root may not be looked into', () => {
      expect(reached({ [PATH]: '1:3' })).to.equal(`unix:${PATH}`);
      expect(reached({})).to.equal(null);
    });

    it('by way of its working directory where the name is relative, and means another file here', () => {
      const place = `/proc/${PID}/cwd/vm.qmp`;
      expect(reached({ [place]: '1:2', 'vm.qmp': '1:2' }, 'vm.qmp')).to.equal(`unix:${place}`);
      expect(reached({ 'vm.qmp': '1:2' }, 'vm.qmp')).to.equal(null);
    });
  });
});

describe('how a TCP socket of a QEMU stands', () => {
  const address = { kind: 'tcp', host: '127.0.0.1', port: 4444, wire: 'plain' } as const;
  const endpoint = 'tcp:127.0.0.1:4444';
  const shown = { address: '127.0.0.1:4444', endpoint, holder: null };
  const listening: TcpRow = { inode: 1, uid: 0, state: 'listening', local: 'A:115C', remote: '0:0', port: 4444 };
  const accepted: TcpRow = { inode: 2, uid: 0, state: 'connected', local: 'A:115C', remote: 'B:9', port: 4444 };
  const client: TcpRow = { inode: 3, uid: 0, state: 'connected', local: 'B:9', remote: 'A:115C', port: 9 };

  it('is free while it only listens, held while a client is connected, and absent without one', () => {
    const sockets = { 1: 7, 2: 8 };
    expect(look(address, { sockets, tcp: [listening] })).to.deep.equal({ ...shown, state: 'free' });
    expect(look(address, { sockets, tcp: [listening, accepted] })).to.deep.equal({ ...shown, state: 'held' });
    expect(look(address, { sockets, tcp: [{ ...listening, port: 4445 }] })).to.deep.equal({
      ...shown,
      state: 'absent',
    });
    const others = [{ ...listening, inode: 9 }];
    expect(look(address, { sockets, tcp: others }), "another's").to.have.property('state', 'absent');
    expect(look(address, { tcp: others }), 'its descriptors cannot be seen').to.have.property('state', 'free');
  });

  it('is held by who has the other end, where that is in the same network', () => {
    const asked: (readonly number[])[] = [];
    const holder = (inodes: readonly number[]): number | undefined => {
      asked.push(inodes);
      return inodes.length === 0 ? undefined : 60;
    };
    const executable = (): string => '/usr/bin/nc';
    const tcp = [listening, accepted, { ...client, local: 'B:8' }, { ...client, remote: 'A:1' }, client];
    expect(look(address, { sockets: { 1: 7, 2: 8 }, tcp }, { holder, executable })).to.deep.equal({
      ...shown,
      state: 'held',
      holder: { pid: 60, program: 'nc' },
    });
    expect(look(address, { tcp: [listening, accepted] }, { holder })).to.have.property('holder', null);
    expect(asked).to.deep.equal([[3], []]);
  });

  it('is reached at the loopback address where it listens at all', () => {
    const endpointOf = (host: string) => look({ ...address, host }, {}).endpoint;
    expect(['', '0.0.0.0', '::', '192.0.2.7', 'fd00::1'].map(endpointOf)).to.deep.equal([
      'tcp:127.0.0.1:4444',
      'tcp:127.0.0.1:4444',
      'tcp:[::1]:4444',
      'tcp:192.0.2.7:4444',
      'tcp:[fd00::1]:4444',
    ]);
    expect(look({ ...address, host: 'fd00::1' }, {}).address).to.equal('[fd00::1]:4444');
  });

  it('is reached in plain alone', () => {
    for (const wire of ['tls', 'other'] as const) expect(look({ ...address, wire }, {}).endpoint).to.equal(null);
  });

  it('is reached in another network only where the socket is in ours, too', () => {
    const seen = { sockets: { 1: 7 }, tcp: [listening] };
    expect(look(address, seen, { network: ELSEWHERE })).to.deep.equal({ ...shown, endpoint: null, state: 'free' });
    const self = { tcp: [{ ...client, inode: 5 }, listening] };
    expect(look(address, seen, { network: ELSEWHERE, self }).endpoint).to.equal(endpoint);
    expect(look(address, seen, { network: ELSEWHERE, self: { tcp: [client] } }).endpoint).to.equal(null);
  });
});

describe('a descriptor that a QEMU was started with', () => {
  const address: ChardevAddress = { kind: 'fd', descriptor: 20 };

  it('is the socket that it has open there', () => {
    const seen = { sockets: { 1: 19, 2: 20 }, unix: [unix(1, true, '/run/a'), unix(2, true, '/run/b')] };
    const socketAt = (): string => '1:2';
    expect(look(address, seen, { socketAt })).to.deep.equal({
      address: '/run/b',
      endpoint: 'unix:/run/b',
      state: 'free',
      holder: null,
    });
  });

  it('is unknown where that may not be seen', () => {
    const unknown = { address: 'descriptor 20', endpoint: null, state: 'unknown', holder: null };
    expect(look(address, { unix: [unix(2, true)] })).to.deep.equal(unknown);
    expect(look(address, { sockets: { 2: 20 } })).to.deep.equal(unknown);
  });
});

describe('what is no socket', () => {
  it('is shown as it was said', () => {
    expect(look({ kind: 'other', text: 'stdio' }, {})).to.deep.equal({
      address: 'stdio',
      endpoint: null,
      state: 'unknown',
      holder: null,
    });
  });
});

describe('the unix sockets that a process listens at', () => {
  it('are its own, and have a file', () => {
    const sockets = { 1: 7, 2: 8, 3: 9 };
    const rows = [unix(1, true), unix(2, true, '@abstract'), unix(3, false, '/run/c'), unix(4, true, '/run/d')];
    let reads = 0;
    const unixSockets = (): readonly UnixSocket[] => {
      reads += 1;
      return rows;
    };
    const found = new FoundSockets(fakeHostLook({ [PID]: { sockets } }, { unixSockets }));
    expect(found.listening(PID, 'net:[1]')).to.deep.equal([PATH]);
    expect(found.listening(PID, 'net:[1]')).to.deep.equal([PATH]);
    expect(reads, 'a table is read once for all of its network').to.equal(1);
    found.listening(PID, 'net:[2]');
    expect(reads).to.equal(2);
  });
});
