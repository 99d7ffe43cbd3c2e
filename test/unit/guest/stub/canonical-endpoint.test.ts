import { join } from 'node:path';
import { expect } from 'chai';
import { canonicalEndpoint } from '../../../../src/guest/stub/canonical-endpoint.ts';

const here = (path: string): string => join(process.cwd(), path);

describe('an endpoint that means the same everywhere', () => {
  const before = process.env['LIBVIRT_DEFAULT_URI'];

  afterEach(() => {
    if (before === undefined) delete process.env['LIBVIRT_DEFAULT_URI'];
    else process.env['LIBVIRT_DEFAULT_URI'] = before;
  });

  it('has the whole path of a socket', () => {
    expect(canonicalEndpoint('vm.qmp')).to.equal(`unix:${here('vm.qmp')}`);
    expect(canonicalEndpoint('unix:../vm.qmp')).to.equal(`unix:${join(process.cwd(), '../vm.qmp')}`);
    expect(canonicalEndpoint('unix:/run/a/../vm,,1.qmp')).to.equal('unix:/run/vm,,1.qmp');
  });

  it('is as it was where it has no path', () => {
    expect(canonicalEndpoint('tcp::1234')).to.equal('tcp:localhost:1234');
    expect(canonicalEndpoint('exec:ssh lab cat vm.qmp')).to.equal('exec:ssh lab cat vm.qmp');
  });

  it('names the libvirt that is meant', () => {
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu:///session';
    expect(canonicalEndpoint('libvirt:vm')).to.equal('libvirt:qemu:///session/vm');
    expect(canonicalEndpoint('libvirt:qemu+ssh://lab/system/vm')).to.equal('libvirt:qemu+ssh://lab/system/vm');
  });

  it('has the whole paths of the files of TLS, and no other part of it changed', () => {
    const files = ['dir', 'ca', 'cert', 'key', 'psk'];
    const given = files.map((name) => `${name}=tls/${name}`).join(',');
    const whole = files.map((name) => `${name}=${here(`tls/${name}`)}`).join(',');
    expect(canonicalEndpoint(`tls:lab:16514,${given},identity=me,servername=lab`)).to.equal(
      `tls:lab:16514,${whole},identity=me,servername=lab`,
    );
    expect(canonicalEndpoint('tls:lab:16514,ca=/etc/ca.pem')).to.equal('tls:lab:16514,ca=/etc/ca.pem');
    expect(canonicalEndpoint('tls:lab:16514')).to.equal('tls:lab:16514');
  });

  it('leaves what is of another host as that host has it, but for the files of TLS, which are ours', () => {
    expect(canonicalEndpoint('host:[ssh lab]unix:vm.qmp')).to.equal('host:[ssh lab]unix:vm.qmp');
    expect(canonicalEndpoint('host:[ssh lab]tls:lab:1,ca=ca.pem')).to.equal(
      `host:[ssh lab]tls:lab:1,ca=${here('ca.pem')}`,
    );
  });
});
