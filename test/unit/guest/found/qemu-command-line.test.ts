import { expect } from 'chai';
import { parseQemuCommandLine } from '../../../../src/guest/found/qemu-command-line.ts';

const words = (text: string): string[] => ['qemu-system-x86_64', ...text.split(' ')];

describe("a QEMU's command line", () => {
  it('names monitors and stubs in each of its forms', () => {
    const { channels } = parseQemuCommandLine(
      words(
        '-qmp unix:/run/a,,b,server=on,wait=off -qmp-pretty tcp:[::1]:4444,server -monitor unix:/run/h,server ' +
          '-chardev socket,id=m,path=/run/m,server=on -mon chardev=m,mode=control --mon m -gdb tcp::1234 -gdb unix:/run/g -s',
      ),
    );
    expect(channels).to.deep.equal([
      { purpose: 'qmp', address: { kind: 'unix', path: '/run/a,b' } },
      { purpose: 'qmp', address: { kind: 'tcp', host: '::1', port: 4444, wire: 'plain' } },
      { purpose: 'hmp', address: { kind: 'unix', path: '/run/h' } },
      { purpose: 'qmp', address: { kind: 'unix', path: '/run/m' } },
      { purpose: 'hmp', address: { kind: 'unix', path: '/run/m' } },
      { purpose: 'gdb', address: { kind: 'tcp', host: '', port: 1234, wire: 'plain' } },
      { purpose: 'gdb', address: { kind: 'unix', path: '/run/g' } },
      { purpose: 'gdb', address: { kind: 'tcp', host: '', port: 1234, wire: 'plain' } },
    ]);
  });

  it("is known for libvirt's by the character device of its monitor, which is a descriptor", () => {
    const line = parseQemuCommandLine(
      words(
        '-name guest=vm1,debug-threads=on -machine pc-q35-7.2,usb=off -accel tcg ' +
          '-chardev socket,id=charmonitor,fd=20,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control',
      ),
    );
    expect(line).to.deep.include({ name: 'vm1', machine: 'pc-q35-7.2', accelerator: 'tcg', isLibvirts: true });
    expect(line.channels).to.deep.equal([{ purpose: 'qmp', address: { kind: 'fd', descriptor: 20 } }]);
  });

  it('is completed by its configuration files', () => {
    const text = `
[chardev "mon0"]
  backend = "socket"
  path = "/run/c.qmp"
  server = "on"
[mon "mon0"]
  mode = "control"
  chardev = "mon0"
[machine]
  type = "q35"
  accel = "kvm"
[name]
  guest = "from a file"
`;
    const line = parseQemuCommandLine(words('-readconfig /etc/vm.cfg'), [text]);
    expect(line).to.deep.include({ name: 'from a file', machine: 'q35', accelerator: 'kvm' });
    expect(line.configurationFiles).to.deep.equal(['/etc/vm.cfg']);
    expect(line.channels).to.deep.equal([{ purpose: 'qmp', address: { kind: 'unix', path: '/run/c.qmp' } }]);
  });

  it('tells what cannot be connected to from what can', () => {
    const { channels } = parseQemuCommandLine(
      words(
        '-qmp stdio -qmp unix:/run/out -qmp tcp:h:70000,server -chardev socket,id=t,host=h,port=1,server=on,tls-creds=x ' +
          '-mon t,mode=control -chardev socket,id=w,host=h,port=2,server,websocket=on -mon w',
      ),
    );
    expect(channels.map(({ address }) => address)).to.deep.equal([
      { kind: 'other', text: 'stdio' },
      { kind: 'other', text: 'unix:/run/out' },
      { kind: 'other', text: 'tcp:h:70000,server' },
      { kind: 'tcp', host: 'h', port: 1, wire: 'tls' },
      { kind: 'tcp', host: 'h', port: 2, wire: 'other' },
    ]);
  });

  it('decides nothing by words that are cut short, or name nothing', () => {
    const line = parseQemuCommandLine(['qemu-system-x86_64', '-name', '-qmp']);
    expect(line).to.deep.include({ machine: null, accelerator: null, isLibvirts: false, channels: [] });
  });

  const NOTHING = {
    name: null,
    uuid: null,
    machine: null,
    accelerator: null,
    channels: [],
    configurationFiles: [],
    isLibvirts: false,
  };

  it('says what was said last, with one dash or two', () => {
    expect(
      parseQemuCommandLine(words('-name a --name b,process=x -uuid 1 --uuid 2 -machine pc --machine type=q35')),
    ).to.deep.equal({ ...NOTHING, name: 'b', uuid: '2', machine: 'q35' });
    expect(parseQemuCommandLine(words('-M isapc -name guest=c')), 'a short name').to.deep.equal({
      ...NOTHING,
      name: 'c',
      machine: 'isapc',
    });
    expect(parseQemuCommandLine(words('-machine pc -M isapc')).machine).to.equal('pc');
    expect(parseQemuCommandLine(words('-machine accel=kvm')).machine).to.equal(null);
    expect(parseQemuCommandLine(words('')), 'nothing').to.deep.equal(NOTHING);
  });

  it('says by what it is run, the accelerators first', () => {
    const accelerator = (text: string, ...files: readonly string[]) =>
      parseQemuCommandLine(words(text), files).accelerator;
    expect(accelerator('-accel kvm,kernel-irqchip=on -enable-kvm -machine accel=tcg')).to.equal('kvm');
    expect(accelerator('-accel accel=hvf -accel kvm')).to.equal('hvf');
    expect(accelerator('--enable-kvm -machine pc,accel=tcg')).to.equal('kvm');
    expect(accelerator('-machine pc,accel=kvm:tcg')).to.equal('kvm:tcg');
    expect(accelerator('-machine pc', '[accel]\n accel = "tcg"\n')).to.equal('tcg');
    expect(accelerator('-machine pc', '[memory]\n accel = "tcg"\n')).to.equal(null);
  });

  it('has channels in the order of their options', () => {
    const text =
      '-s -gdb chardev:c -mon chardev=c -monitor chardev:c -qmp-pretty chardev:c -qmp chardev:c -chardev socket,id=c,path=/run/c,server -mon mode=control';
    const c = { kind: 'unix', path: '/run/c' };
    expect(parseQemuCommandLine(words(text)).channels).to.deep.equal([
      { purpose: 'qmp', address: c },
      { purpose: 'qmp', address: c },
      { purpose: 'hmp', address: c },
      { purpose: 'hmp', address: c },
      { purpose: 'qmp', address: { kind: 'other', text: '' } },
      { purpose: 'gdb', address: c },
      { purpose: 'gdb', address: { kind: 'tcp', host: '', port: 1234, wire: 'plain' } },
    ]);
    expect(parseQemuCommandLine(words('-chardev socket,path=/run/c,server -mon mode=readline')).channels).to.deep.equal(
      [{ purpose: 'hmp', address: c }],
    );
  });

  it('is completed by sections that are well formed, and by nothing else', () => {
    const text = [
      'name = "before any section"',
      '[chardev "c"]',
      ' backend="socket"',
      '# path = "/run/comment"',
      'path = "/run/c=d"',
      'server = on',
      'server = "on" more',
      'odd name = "x"',
      '= "x"',
      '[chardev "d"',
      'server = "yes"',
      '[mon]',
      'chardev = "c"',
      '[mon "e"]',
      'chardev = "nowhere"',
      'mode = "control"',
      '[name]',
      'process = "x"',
      '[name]',
      'guest = "later"',
    ];
    expect(parseQemuCommandLine(words('-readconfig /a --readconfig /b'), [text.join('\n')])).to.deep.equal({
      ...NOTHING,
      channels: [
        { purpose: 'hmp', address: { kind: 'unix', path: '/run/c=d' } },
        { purpose: 'qmp', address: { kind: 'other', text: 'nowhere' } },
      ],
      configurationFiles: ['/a', '/b'],
    });
    const named = '[name]\nguest = "filed"\n[chardev "charmonitor"]\nbackend = "pty"\n';
    expect(parseQemuCommandLine(words('-name said'), [named])).to.deep.equal({
      ...NOTHING,
      name: 'said',
      isLibvirts: true,
    });
    expect(parseQemuCommandLine(words('-name debug-threads=on'), [named]).name).to.equal('filed');
  });

  it('has no value from a line that is not well formed', () => {
    const text =
      '[chardev "c"]\nbackend = "socket"\nport = "1"\nserver = "on"\ntls-creds = tls0\n[mon]\nchardev = "c"\n';
    expect(parseQemuCommandLine(words(''), [text]).channels).to.deep.equal([
      { purpose: 'hmp', address: { kind: 'tcp', host: '', port: 1, wire: 'plain' } },
    ]);
  });

  it('is read from a configuration file to its ten thousandth line', () => {
    const nameAt = (line: number) =>
      parseQemuCommandLine(words(''), [`${'\n'.repeat(line - 2)}[name]\nguest = "x"\n`]).name;
    expect(nameAt(10_000)).to.equal('x');
    expect(nameAt(10_001)).to.equal(null);
  });
});
