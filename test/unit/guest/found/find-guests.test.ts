import { expect } from 'chai';
import { reachOf } from '../../../../src/guest/found/find-guests.ts';
import { lookAtThisHost } from '../../../../src/guest/found/this-host.ts';

const DOMAIN = { uri: 'qemu:///system', domain: 'vm', isProven: true };

describe('what reaches a guest', () => {
  const before = process.env['LIBVIRT_DEFAULT_URI'];

  afterEach(() => {
    if (before === undefined) delete process.env['LIBVIRT_DEFAULT_URI'];
    else process.env['LIBVIRT_DEFAULT_URI'] = before;
  });

  it('is the libvirt of this host, whichever one the environment names', () => {
    delete process.env['LIBVIRT_DEFAULT_URI'];
    expect(reachOf([], DOMAIN, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu+ssh://lab/system';
    expect(reachOf([], DOMAIN, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:qemu:///system/vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu:///session';
    expect(reachOf([], { ...DOMAIN, uri: 'qemu:///session' }, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:vm' });
  });
});
