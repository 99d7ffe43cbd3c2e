import { expect } from 'chai';
import {
  type QemuOptions,
  qemuArguments,
  resetLogOf,
  socketPaths,
} from '../../../../src/testing/qemu/qemu-arguments.ts';

const argumentsOf = (options: QemuOptions) => qemuArguments(options, socketPaths('/run/guest')).join(' ');

describe('qemuArguments', () => {
  it('gives QEMU nothing but sockets and a debug console by default', () => {
    expect(argumentsOf({})).to.equal(
      [
        '-nodefaults -no-user-config -display none',
        '-qmp unix:/run/guest/qmp.sock,server=on,wait=off',
        '-qmp unix:/run/guest/witness.sock,server=on,wait=off',
        '-gdb unix:/run/guest/gdb.sock,server=on,wait=off',
        '-chardev file,id=pagewalk-console,path=/proc/self/fd/3',
        '-device isa-debugcon,iobase=0xe9,chardev=pagewalk-console',
      ].join(' '),
    );
  });

  it('passes on what was asked for, the caller having the last word', () => {
    const text = argumentsOf({
      kernel: 'k.bin',
      append: 'smep user',
      cpu: 'max,phys-bits=46',
      memory: '64M',
      smp: 2,
      machine: 'q35',
      accel: 'kvm',
      paused: true,
      extraArgs: ['-no-reboot'],
    });
    expect(text).to.contain(
      '-machine q35 -accel kvm -cpu max,phys-bits=46 -m 64M -smp 2 -kernel k.bin -append smep user -S -qmp',
    );
    expect(text).to.match(/ -no-reboot$/);
  });

  it('leaves out the stub and the console', () => {
    const text = argumentsOf({ gdb: false, debugcon: false });
    expect(text).not.to.contain('gdb');
    expect(text).not.to.contain('debugcon');
  });

  it('has the kernel stay at its end, and pvpanic where the machine has a bus for it', () => {
    const text = argumentsOf({ holdAtEnd: true, serial: true, initrd: 'i.cpio', machine: 'q35' });
    expect(text).to.contain('-initrd i.cpio');
    expect(text).to.contain('-qmp unix:/run/guest/watch.sock,server=on,wait=off -no-reboot -no-shutdown');
    expect(text).to.contain('-d cpu_reset -D /run/guest/resets.log -device pvpanic');
    expect(text).to.contain('-serial chardev:pagewalk-serial');
    expect(argumentsOf({ holdAtEnd: true })).to.contain('pvpanic');
    expect(argumentsOf({ holdAtEnd: true, machine: 'microvm' })).not.to.contain('pvpanic');
  });

  it("keeps to the caller's log, with what tells a triple fault", () => {
    const sockets = socketPaths('/run/guest');
    const logs = [[], ['-d', 'int'], ['-d', 'int', '-D', 'q.log'], ['-D', 'q.log']].map((extraArgs) => {
      const all = qemuArguments({ holdAtEnd: true, extraArgs }, sockets);
      const valuesOf = (option: string) => all.filter((_, at) => all[at - 1] === option).join(' ');
      return [valuesOf('-d'), valuesOf('-D'), resetLogOf({ extraArgs }, sockets)];
    });
    expect(logs).to.deep.equal([
      ['cpu_reset', '/run/guest/resets.log', '/run/guest/resets.log'],
      ['cpu_reset int int,cpu_reset', '', undefined],
      ['cpu_reset int int,cpu_reset', 'q.log q.log', 'q.log'],
      ['cpu_reset', 'q.log q.log', 'q.log'],
    ]);
  });

  it("doubles commas in paths, which is QEMU's rule", () => {
    const all = qemuArguments({}, socketPaths('/tmp/a,b'));
    expect(all).to.include('unix:/tmp/a,,b/qmp.sock,server=on,wait=off');
  });
});
