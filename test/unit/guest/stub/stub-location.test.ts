import { expect } from 'chai';
import * as z from 'zod/mini';
import { type ChardevInfo, queryChardev } from '../../../../protocols/qmp/index.ts';
import { parseEndpoint } from '../../../../protocols/transport/index.ts';
import { type ChardevUse, checkNamedStub, isLocal, locateStub } from '../../../../src/guest/stub/stub-location.ts';

const NOTHING_KNOWN: ChardevUse = { stubs: new Set(), others: new Set() };

/** What the monitor makes of these devices: `label filename`, as QEMU 7.2 prints them; with `closed ` before it if nothing has it open. */
function chardevs(...lines: readonly string[]): Promise<readonly ChardevInfo[]> {
  const list = lines.map((line) => {
    const isOpen = !line.startsWith('closed ');
    const [label = '', ...rest] = line.replace(/^closed /, '').split(' ');
    return { label, filename: rest.join(' '), 'frontend-open': isOpen };
  });
  return queryChardev({
    endpoint: 'unix:/qmp',
    execute: (_command, _parameters, options) => Promise.resolve(z.parse(options?.schema ?? z.never(), list) as never),
  });
}

const HERE = parseEndpoint('unix:/run/vm.qmp');
const MONITOR = 'compat_monitor0 unix:/run/vm.qmp,server=on';
const STUB_MONITOR = '#chr042 gdb';
const FREE = 'gdb disconnected:unix:/run/vm.gdb,server=on';
const BUSY = 'gdb unix:/run/vm.gdb,server=on';
const FREE_ON_ALL = 'gdb disconnected:tcp:0.0.0.0:1234,server=on';
const FREE_ON_LOOPBACK = 'gdb disconnected:tcp:127.0.0.1:1234,server=on';

describe('whether QEMU runs on this host', () => {
  const before = process.env['LIBVIRT_DEFAULT_URI'];

  afterEach(() => {
    if (before === undefined) delete process.env['LIBVIRT_DEFAULT_URI'];
    else process.env['LIBVIRT_DEFAULT_URI'] = before;
  });

  it("is told by libvirt's URI, be it the environment's", () => {
    delete process.env['LIBVIRT_DEFAULT_URI'];
    expect(isLocal(parseEndpoint('libvirt:vm'))).to.equal(true);
    expect(isLocal(parseEndpoint('libvirt:qemu+ssh://lab/system/vm'))).to.equal(false);
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu+ssh://lab/system';
    expect(isLocal(parseEndpoint('libvirt:vm'))).to.equal(false);
    expect(isLocal(parseEndpoint('libvirt:qemu:///session/vm'))).to.equal(true);
  });
});

describe('where the stub is', () => {
  async function locate(lines: readonly string[], qmp = HERE, use = NOTHING_KNOWN): Promise<string> {
    const location = await locateStub(await chardevs(...lines), qmp, () => Promise.resolve(use));
    return location.kind === 'listening' ? location.endpoint : location.kind;
  }

  async function refusal(lines: readonly string[], qmp = HERE, use = NOTHING_KNOWN): Promise<string> {
    try {
      await locate(lines, qmp, use);
    } catch (error) {
      const { code, message } = error as Error & { code: string };
      return `${code}: ${message}`;
    }
    return 'no error';
  }

  it('finds the one of -gdb, on a socket file or a port', async () => {
    expect(await locate([MONITOR, FREE, STUB_MONITOR])).to.equal('unix:/run/vm.gdb');
    expect(await locate([MONITOR, FREE_ON_LOOPBACK, STUB_MONITOR])).to.equal('tcp:127.0.0.1:1234');
    expect(await locate([MONITOR, FREE_ON_ALL, STUB_MONITOR]), '-s').to.equal('tcp:127.0.0.1:1234');
  });

  it('says that there is none', async () => {
    expect(await locate([MONITOR])).to.equal('absent');
    expect(await locate([])).to.equal('absent');
    expect(await locate([MONITOR, 'serial0 disconnected:tcp:0.0.0.0:4555,server=on'])).to.equal('absent');
  });

  it('reports a stub that another debugger holds, and that nothing was touched', async () => {
    const message = await refusal([MONITOR, BUSY, STUB_MONITOR]);
    expect(message).to.equal(
      'ERR_GUEST_STUB_BUSY: another debugger holds the GDB stub (unix:/run/vm.gdb,server=on); it takes one client at a time. Nothing was touched: detach the other debugger and try again. A proxy that holds the stub all the time is such a debugger, too: have it connect only while it has a client itself',
    );
  });

  it('says where a stub is that it does not understand the address of', async () => {
    expect(await refusal([MONITOR, 'gdb disconnected:unix:name,abstract,tight,server=on'])).to.match(
      /^ERR_GUEST_STUB_/,
    );
    expect(await refusal([MONITOR, 'gdb pty:/dev/pts/4'])).to.match(/^ERR_GUEST_STUB_/);
  });

  describe('of a QEMU elsewhere', () => {
    const lab = parseEndpoint('tcp:lab:4444');

    it('is on the host of the monitor, if it listens on all its addresses', async () => {
      expect(await locate([FREE_ON_ALL], lab)).to.equal('tcp:lab:1234');
      expect(await locate([FREE_ON_ALL], parseEndpoint('tcp:[fd00::1]:4444'))).to.equal('tcp:[fd00::1]:1234');
    });

    it('is there, too, where the monitor is behind TLS, and nowhere for a monitor of another kind', async () => {
      expect(await locate([FREE_ON_ALL], parseEndpoint('tls:lab:4444'))).to.equal('tcp:lab:1234');
      expect(await refusal([FREE_ON_ALL], parseEndpoint('libvirt:qemu+ssh://lab/system/vm'))).to.equal(
        `ERR_GUEST_STUB_UNREACHABLE: QEMU's GDB stub (${FREE_ON_ALL.slice(4)}) listens on QEMU's host; say how to reach it from here with --gdb (exec:ssh …, for example), or name that host with --host`,
      );
    });

    it('is reached by the helper on that host', async () => {
      const host = parseEndpoint('host:[ssh lab]unix:/run/vm.qmp');
      expect(await locate([FREE], host)).to.equal('host:[ssh lab]unix:/run/vm.gdb');
      expect(await locate([FREE_ON_LOOPBACK], host)).to.equal('host:[ssh lab]tcp:127.0.0.1:1234');
      expect(await refusal([BUSY], host)).to.match(/^ERR_GUEST_STUB_BUSY/);
    });

    for (const [what, line] of [
      ['a socket file', FREE],
      ['its loopback address', FREE_ON_LOOPBACK],
    ] as const) {
      it(`cannot be reached on ${what}`, async () => {
        expect(await refusal([line], lab)).to.match(/^ERR_GUEST_STUB_UNREACHABLE: .*--gdb/);
      });
    }

    it('cannot be reached through a command that cannot be guessed', async () => {
      for (const line of [FREE, FREE_ON_ALL]) {
        expect(await refusal([line], parseEndpoint('exec:ssh lab socat - UNIX:/run/vm.qmp'))).to.match(
          /^ERR_GUEST_STUB_UNREACHABLE/,
        );
      }
    });
  });

  describe('with a label of its own (-gdb chardev:ID)', () => {
    const MINE = 'mine disconnected:unix:/run/mine,server=on';

    it('is where QEMU’s command line says', async () => {
      const use = { stubs: new Set(['mine']), others: new Set(['agent']) };
      const agent = 'agent disconnected:unix:/run/agent,server=on';
      expect(await locate([MONITOR, agent, MINE, STUB_MONITOR], HERE, use)).to.equal('unix:/run/mine');
      expect(await refusal([MONITOR, 'mine unix:/run/mine,server=on', STUB_MONITOR], HERE, use)).to.match(
        /^ERR_GUEST_STUB_BUSY/,
      );
    });

    it('is none of the devices that something else is on, nor one that nothing is on', async () => {
      const use = { stubs: new Set<string>(), others: new Set(['mine']) };
      expect(await locate([MONITOR, MINE, STUB_MONITOR], HERE, use)).to.equal('absent');
      expect(await locate([MONITOR, `closed ${MINE}`, STUB_MONITOR])).to.equal('absent');
      const serial = 'serial0 disconnected:unix:/run/serial,server=on';
      expect(await locate([MONITOR, serial, STUB_MONITOR]), 'of -serial unix:…').to.equal('absent');
      const second = 'second disconnected:unix:/run/second,server=on';
      expect(await refusal([MONITOR, MINE, second, STUB_MONITOR], HERE, use))
        .to.contain('second')
        .and.not.contain('mine');
    });

    it('might be any listening socket, so none is started beside it', async () => {
      const message = await refusal([MONITOR, MINE, STUB_MONITOR]);
      expect(message).to.match(
        /^ERR_GUEST_STUB_UNREACHABLE: .*mine \(disconnected:unix:\/run\/mine,server=on\).*--gdb/,
      );
    });

    it('is not libvirt’s own monitor, for who goes by libvirt', async () => {
      const libvirts = 'charmonitor unix:/run/libvirt.sock,server=on';
      expect(await locate([libvirts, STUB_MONITOR], parseEndpoint('libvirt:qemu:///system/vm'))).to.equal('absent');
      expect(await refusal([libvirts, STUB_MONITOR])).to.match(/^ERR_GUEST_STUB_UNREACHABLE/);
    });

    it('is not one of QEMU’s own ports, whatever their number', async () => {
      const ports = ['serial0', 'parallel12', 'virtcon999'].map((label) => `${label} unix:/run/${label},server=on`);
      expect(await locate([...ports, STUB_MONITOR])).to.equal('absent');
      for (const label of ['serial1000', 'myserial0', 'serial0x']) {
        expect(await refusal([`${label} unix:/run/port,server=on`, STUB_MONITOR])).to.contain(
          `may be: ${label} (unix:`,
        );
      }
    });

    it('is asked what its devices are for only where there may be one', async () => {
      const asked: string[] = [];
      const use = (): Promise<ChardevUse> => {
        asked.push('use');
        return Promise.resolve(NOTHING_KNOWN);
      };
      await locateStub(await chardevs(MONITOR, MINE), HERE, use);
      await locateStub(await chardevs(MONITOR, STUB_MONITOR), HERE, use);
      await locateStub(await chardevs(MONITOR, FREE, MINE, STUB_MONITOR), HERE, use);
      expect(asked).to.deep.equal([]);
    });

    it('is not one of QEMU’s monitors, nor the monitor that is spoken to', async () => {
      expect(await locate([MONITOR, STUB_MONITOR])).to.equal('absent');
      expect(await locate(['mon0 unix:/run/vm.qmp,server=on', STUB_MONITOR])).to.equal('absent');
    });

    it('does not exist if there never was a stub', async () => {
      expect(await locate([MONITOR, MINE])).to.equal('absent');
    });

    it('is no device that does not listen', async () => {
      expect(await locate([MONITOR, 'out unix:/run/log', 'serial0 pty:/dev/pts/4', STUB_MONITOR])).to.equal('absent');
    });
  });

  it('a stub that the caller names is refused only if it is known to be busy, or QEMU has none', async () => {
    const busy = await chardevs(MONITOR, BUSY, STUB_MONITOR);
    expect(() => checkNamedStub(busy, 'unix:/run/vm.gdb', 'unix:/run/vm.qmp'))
      .to.throw()
      .with.property('code', 'ERR_GUEST_STUB_BUSY');
    checkNamedStub(busy, 'unix:/run/another.gdb', 'unix:/run/vm.qmp');
    checkNamedStub(await chardevs(MONITOR, FREE, STUB_MONITOR), 'unix:/run/vm.gdb', 'unix:/run/vm.qmp');
    const none = await chardevs(MONITOR);
    expect(() => checkNamedStub(none, 'unix:/run/another.gdb', 'unix:/run/vm.qmp'))
      .to.throw(/QEMU behind unix:\/run\/vm\.qmp has no GDB stub/)
      .with.property('code', 'ERR_GUEST_STUB_UNREACHABLE');
  });

  it('knows which endpoints mean this host', () => {
    const local = ['unix:/a', 'tcp::1', 'tcp:localhost:1', 'tcp:127.0.0.1:1', 'tcp:127.9.9.9:1', 'tcp:[::1]:1'];
    const elsewhere = ['tcp:lab:1', 'tcp:10.0.0.1:1', 'tcp:127.0.0.1.example:1', 'exec:cat'];
    expect(local.filter((text) => !isLocal(parseEndpoint(text)))).to.deep.equal([]);
    expect(elsewhere.filter((text) => isLocal(parseEndpoint(text)))).to.deep.equal([]);
  });
});
