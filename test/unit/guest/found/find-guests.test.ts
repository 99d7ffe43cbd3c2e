import { expect } from 'chai';
import { reachOf } from '../../../../src/guest/found/find-guests.ts';

const DOMAIN = { uri: 'qemu:///system', domain: 'vm', isProven: true };

describe('what reaches a guest', () => {
  const before = process.env['LIBVIRT_DEFAULT_URI'];

  afterEach(() => {
    if (before === undefined) delete process.env['LIBVIRT_DEFAULT_URI'];
    else process.env['LIBVIRT_DEFAULT_URI'] = before;
  });

  it('is the libvirt of this host, whichever one the environment names', () => {
    delete process.env['LIBVIRT_DEFAULT_URI'];
    expect(reachOf([], DOMAIN)).to.deep.equal({ qmp: 'libvirt:vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu+ssh://lab/system';
    expect(reachOf([], DOMAIN)).to.deep.equal({ qmp: 'libvirt:qemu:///system/vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu:///session';
    expect(reachOf([], { ...DOMAIN, uri: 'qemu:///session' })).to.deep.equal({ qmp: 'libvirt:vm' });
  });
});
