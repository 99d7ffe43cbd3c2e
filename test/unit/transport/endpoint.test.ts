import { expect } from 'chai';
import {
  type Endpoint,
  EndpointError,
  type EndpointWithHelper,
  formatEndpoint,
  parseEndpoint,
} from '../../../protocols/transport/index.ts';

const unix = (path: string): EndpointWithHelper => ({ kind: 'unix', path });
const tcp = (host: string, port: number): EndpointWithHelper => ({ kind: 'tcp', host, port });
const exec = (command: string): EndpointWithHelper => ({ kind: 'exec', command });

const ACCEPTED: ReadonlyArray<readonly [text: string, endpoint: Endpoint]> = [
  ['unix:/run/vm.qmp', unix('/run/vm.qmp')],
  ['unix:vm.qmp', unix('vm.qmp')],
  ['unix:/run/vm.qmp,server=on,wait=off', unix('/run/vm.qmp')],
  ['unix:/run/vm.qmp,server,nowait', unix('/run/vm.qmp')],
  ['unix:/run/a,,b', unix('/run/a,b')],
  ['unix:/run/a,,,server=on', unix('/run/a,')],
  ['unix:/run/a,,server=on', unix('/run/a,server=on')],
  ['unix:1234', unix('1234')],
  ['/run/vm.qmp', unix('/run/vm.qmp')],
  ['/run/a,b', unix('/run/a,b')],
  ['/run/a,server=on', unix('/run/a,server=on')],
  ['/run/host:1234', unix('/run/host:1234')],
  ['./vm.qmp', unix('./vm.qmp')],
  ['vm.qmp', unix('vm.qmp')],
  [`/${'x'.repeat(106)}`, unix(`/${'x'.repeat(106)}`)],
  ['tcp:lab:4444', tcp('lab', 4444)],
  ['tcp::4444', tcp('localhost', 4444)],
  ['tcp::4444,server=on,wait=off', tcp('localhost', 4444)],
  ['tcp:[::1]:4444', tcp('::1', 4444)],
  ['tcp:[fe80::1%eth0]:1', tcp('fe80::1%eth0', 1)],
  [':1234', tcp('localhost', 1234)],
  ['lab:1234', tcp('lab', 1234)],
  ['127.0.0.1:65535', tcp('127.0.0.1', 65535)],
  ['[::1]:1234', tcp('::1', 1234)],
  ['libvirt:vm', { kind: 'libvirt', domain: 'vm' }],
  ["libvirt:ann's vm", { kind: 'libvirt', domain: "ann's vm" }],
  ['libvirt:qemu:///session/vm', { kind: 'libvirt', uri: 'qemu:///session', domain: 'vm' }],
  [
    'libvirt:qemu+ssh://root@lab/system?socket=/run/s/vm',
    { kind: 'libvirt', uri: 'qemu+ssh://root@lab/system?socket=/run/s', domain: 'vm' },
  ],
  ['tls:lab:4444', { kind: 'tls', host: 'lab', port: 4444 }],
  ['tls:[::1]:1,dir=/a,,b,servername=c', { kind: 'tls', host: '::1', port: 1, dir: '/a,b', servername: 'c' }],
  [
    'tls::1,ca=a,cert=b,key=c,psk=d,identity=e',
    { kind: 'tls', host: 'localhost', port: 1, ca: 'a', cert: 'b', key: 'c', psk: 'd', identity: 'e' },
  ],
  ['host:[ssh lab]unix:/run/vm.qmp', { kind: 'host', command: 'ssh lab', target: unix('/run/vm.qmp') }],
  ['host:[ssh root@[::1]]tcp:[::1]:1', { kind: 'host', command: 'ssh root@[::1]', target: tcp('::1', 1) }],
  ['host:[ssh lab]exec:ssh lab nc -U /a,b', { kind: 'host', command: 'ssh lab', target: exec('ssh lab nc -U /a,b') }],
  [
    'host:[ssh lab]tls:lab:4444,dir=/a,,b',
    { kind: 'host', command: 'ssh lab', target: { kind: 'tls', host: 'lab', port: 4444, dir: '/a,b' } },
  ],
  ['exec:ssh lab socat - UNIX:/run/a,,b', exec('ssh lab socat - UNIX:/run/a,,b')],
];

const REFUSED: ReadonlyArray<readonly [text: string, because: RegExp]> = [
  ['', /the path is empty/],
  ['host:ssh lab', /a command in brackets/],
  ['host:[ssh lab]libvirt:vm', /a command in brackets/],
  ['host:[ssh lab]exec: ', /the command is empty/],
  ['host:[ssh lab]tls:lab', /a host and a port/],
  ['host:[ ]unix:/run/vm.qmp', /the command is empty/],
  ['host:[ssh lab]unix:', /the path is empty/],
  ['unix:', /the path is empty/],
  ['unix:,server=on', /the path is empty/],
  ['unix:/run/a,b', /option "b" is not understood \(a comma in a path is doubled\)/],
  ['unix:@name,abstract=on', /option "abstract"/],
  ['unix:/run/a\0b', /NUL/],
  [`/${'x'.repeat(107)}`, /at most 107 bytes/],
  [`/${'ä'.repeat(54)}`, /at most 107 bytes/],
  ['1234', /write tcp::1234/],
  ['tcp:1234', /a host and a port/],
  ['tcp:lab', /a host and a port/],
  ['tcp:lab:0', /0 is not a port/],
  ['tcp:lab:65536', /65536 is not a port/],
  ['tcp:lab:12x', /a host and a port/],
  ['tcp:::1:1234', /IPv6 address is written in brackets/],
  ['::1:1234', /IPv6 address is written in brackets/],
  ['tcp:lab:1234,telnet=on', /option "telnet"/],
  ['libvirt:', /name of the domain is empty/],
  ['libvirt:qemu:///system/', /name of the domain is empty/],
  ['libvirt:a\nb', /control character/],
  ['tls:lab', /a host and a port/],
  ['tls:lab:1,server=on', /there may be dir=, ca=/],
  ['tls:lab:1,ca=', /with a value/],
  ['exec:', /the command is empty/],
  ['exec:  ', /the command is empty/],
];

describe('parseEndpoint', () => {
  for (const [text, endpoint] of ACCEPTED) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(parseEndpoint(text)).to.deep.equal(endpoint);
    });
  }

  for (const [text, because] of REFUSED) {
    it(`refuses ${JSON.stringify(text)} and says why`, () => {
      expect(() => parseEndpoint(text))
        .to.throw(EndpointError, because)
        .with.property('text', text);
    });
  }

  it('names the accepted forms', () => {
    expect(() => parseEndpoint('')).to.throw(/unix:\/path\/to\/socket.*exec:command line/);
  });
});

describe('formatEndpoint', () => {
  for (const [, endpoint] of ACCEPTED) {
    it(`gives a text that reads as the same again: ${formatEndpoint(endpoint)}`, () => {
      expect(parseEndpoint(formatEndpoint(endpoint))).to.deep.equal(endpoint);
    });
  }
});
