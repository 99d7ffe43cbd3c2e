import { expect } from 'chai';
import {
  addressOfChardev,
  addressOfDevice,
  type ChardevAddress,
  parseQemuOption,
} from '../../../../src/guest/found/qemu-options.ts';

function parts(text: string, implied?: string) {
  const { first, values } = parseQemuOption(text, implied);
  return { first, values: Object.fromEntries(values) };
}

describe("an argument of QEMU's", () => {
  it('has parts between commas, and a comma in a part is doubled', () => {
    expect(parts('socket,id=mon0,path=/run/a,,b,server,wait=')).to.deep.equal({
      first: 'socket',
      values: { socket: 'on', id: 'mon0', path: '/run/a,b', server: 'on', wait: '' },
    });
    expect(parts('a=b=c,,,,d,,,e')).to.deep.equal({ first: 'a=b=c,,d,', values: { a: 'b=c,,d,', e: 'on' } });
    expect(parts(',=x')).to.deep.equal({ first: '', values: { '': 'x' } });
    expect(parts('end,')).to.deep.equal({ first: 'end', values: { end: 'on', '': 'on' } });
    expect(parts('end,,')).to.deep.equal({ first: 'end,', values: { 'end,': 'on' } });
  });

  it('has a first part whose name may be left out, and no other', () => {
    expect(parts('vm,debug', 'guest')).to.deep.equal({ first: 'vm', values: { guest: 'vm', debug: 'on' } });
    expect(parts('debug=on,vm', 'guest')).to.deep.equal({ first: 'debug=on', values: { debug: 'on', vm: 'on' } });
    expect(parts('', 'type')).to.deep.equal({ first: '', values: { type: '' } });
  });
});

describe("where a character device of QEMU's leads", () => {
  const chardev = (text: string): ChardevAddress => addressOfChardev(parseQemuOption(text), text);
  const other = (text: string) => ({ kind: 'other', text });

  it('is a socket that QEMU listens at', () => {
    expect(chardev('socket,path=/run/a,server=on')).to.deep.equal({ kind: 'unix', path: '/run/a' });
    expect(chardev('socket,path=/run/a,server')).to.deep.equal({ kind: 'unix', path: '/run/a' });
    expect(chardev('backend=socket,path=/run/a,server')).to.deep.equal({ kind: 'unix', path: '/run/a' });
    expect(chardev('socket,host=h,port=4444,server=yes')).to.deep.equal({
      kind: 'tcp',
      host: 'h',
      port: 4444,
      wire: 'plain',
    });
    expect(chardev('socket,port=1,server')).to.deep.equal({ kind: 'tcp', host: '', port: 1, wire: 'plain' });
    expect(chardev('socket,fd=20')).to.deep.equal({ kind: 'fd', descriptor: 20 });
  });

  it('is nothing to connect to where it is no socket, or QEMU connects it', () => {
    for (const text of [
      'pty,path=/run/a,server=on',
      'backend=pty,path=/run/a,server=on',
      'socket,path=/run/a',
      'socket,path=/run/a,server=off',
      'socket,path=/run/a,server=no',
      'socket,path=/run/a,server=false',
      'socket,path=/run/a,server,abstract=on',
      'socket,host=h,server',
      'pty,fd=20',
    ]) {
      expect(chardev(text), text).to.deep.equal(other(text));
    }
    expect(chardev('socket,path=/run/a,server,abstract=off')).to.deep.equal({ kind: 'unix', path: '/run/a' });
  });
});

describe('where a monitor or a stub of a QEMU is', () => {
  const chardevs = new Map<string, ChardevAddress>([['m', { kind: 'unix', path: '/run/m' }]]);
  const device = (text: string, options?: { listens: boolean }) => addressOfDevice(text, chardevs, options);

  it('is a socket file', () => {
    expect(device('unix:/run/a:b,server')).to.deep.equal({ kind: 'unix', path: '/run/a:b' });
    expect(device('unix:/run/a', { listens: true })).to.deep.equal({ kind: 'unix', path: '/run/a' });
    expect(device('unix:/run/a,server=off', { listens: true }), 'QEMU adds it').to.deep.equal({
      kind: 'unix',
      path: '/run/a',
    });
  });

  it('is a port, from 1 to 65535', () => {
    const tcp = (host: string, port: number, wire = 'plain') => ({ kind: 'tcp', host, port, wire });
    expect(device('tcp:h:4444,server=on')).to.deep.equal(tcp('h', 4444));
    expect(device('tcp::1,server')).to.deep.equal(tcp('', 1));
    expect(device('tcp:[::1]:65535,server')).to.deep.equal(tcp('::1', 65_535));
    expect(device('tcp::1234', { listens: true })).to.deep.equal(tcp('', 1234));
    for (const text of ['tcp:h:0,server', 'tcp:h:65536,server', 'tcp:h:123456,server', 'tcp:h:1x,server', 'tcp:h']) {
      expect(device(text), text).to.deep.equal({ kind: 'other', text });
    }
    expect(device('tcp:4444,server'), 'without a host').to.deep.equal(tcp('', 4444));
  });

  it('says what travels there', () => {
    const wireOf = (more: string) => {
      const address = device(`tcp:h:1,server${more}`);
      return address.kind === 'tcp' ? address.wire : address.kind;
    };
    expect(wireOf('')).to.equal('plain');
    expect(wireOf(',tls-creds=tls0')).to.equal('tls');
    for (const name of ['websocket', 'telnet', 'tn3270']) {
      expect(wireOf(`,${name}`), name).to.equal('other');
      expect(wireOf(`,${name}=on,tls-creds=tls0`), name).to.equal('other');
      expect(wireOf(`,${name}=off`), name).to.equal('plain');
    }
  });

  it('is a character device by its id', () => {
    expect(device('chardev:m')).to.deep.equal({ kind: 'unix', path: '/run/m' });
    expect(device('chardev:n')).to.deep.equal({ kind: 'other', text: 'chardev:n' });
  });

  it('is nothing to connect to where QEMU does not listen', () => {
    for (const text of ['stdio', 'unix:/run/a', 'tcp:h:1', 'unix:/run/a,server=off', 'pipe:/run/a,server']) {
      expect(device(text), text).to.deep.equal({ kind: 'other', text });
    }
  });
});
