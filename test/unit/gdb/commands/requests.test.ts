import { expect } from 'chai';
import { monitorRequest } from '../../../../protocols/gdb/commands/features/monitor.ts';
import { qemuSupportedRequest } from '../../../../protocols/gdb/commands/features/qemu-supported.ts';
import { supportedRequest } from '../../../../protocols/gdb/commands/features/supported.ts';
import {
  queryPhysicalMemoryModeRequest,
  setPhysicalMemoryModeRequest,
} from '../../../../protocols/gdb/commands/memory/physical-memory-mode.ts';
import { ReadMemoryRequest } from '../../../../protocols/gdb/commands/memory/read-memory.ts';
import { writeMemoryRequest } from '../../../../protocols/gdb/commands/memory/write-memory.ts';
import { readDescriptionRequest } from '../../../../protocols/gdb/commands/registers/read-description.ts';
import { readRegisterRequest } from '../../../../protocols/gdb/commands/registers/read-register.ts';
import { readRegistersRequest } from '../../../../protocols/gdb/commands/registers/read-registers.ts';
import { writeRegisterRequest } from '../../../../protocols/gdb/commands/registers/write-register.ts';
import { breakpointRequest } from '../../../../protocols/gdb/commands/run/breakpoint.ts';
import { resumeRequest } from '../../../../protocols/gdb/commands/run/resume.ts';
import { watchpointRequest } from '../../../../protocols/gdb/commands/run/watchpoint.ts';
import { listThreadsRequest } from '../../../../protocols/gdb/commands/threads/list-threads.ts';
import { selectThreadRequest } from '../../../../protocols/gdb/commands/threads/select-thread.ts';
import { threadAliveRequest } from '../../../../protocols/gdb/commands/threads/thread-alive.ts';
import { threadExtraInfoRequest } from '../../../../protocols/gdb/commands/threads/thread-extra-info.ts';
import {
  GdbArgumentError,
  GdbProtocolError,
  GdbReplyError,
  type GdbRequest,
  GdbUnsupportedError,
} from '../../../../protocols/gdb/index.ts';

const CONTEXT = { endpoint: 'a fake' };
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const answered = <T>(request: GdbRequest<T>, reply: string): T => request.decode(bytesOf(reply), CONTEXT);

const EIP = { name: 'eip', bits: 32, number: 8, offset: 0, feature: 'f' };
const LAYOUT = { architecture: 'i386', sizeBytes: 8, registers: [EIP], byName: new Map([['eip', EIP]]) };

/** What is sent, and the longest reply that QEMU has for it. */
const REQUESTS: readonly (readonly [request: GdbRequest<unknown>, payload: string, longest: number])[] = [
  [new ReadMemoryRequest(0x1000, 0x800, new Uint8Array(0x800), 0), 'm1000,800', 0x1000],
  [writeMemoryRequest(0x1000n, Uint8Array.of(1, 0xff)), 'M1000,2:01ff', 3],
  [setPhysicalMemoryModeRequest(true), 'Qqemu.PhyMemMode:1', 3],
  [setPhysicalMemoryModeRequest(false), 'Qqemu.PhyMemMode:0', 3],
  [queryPhysicalMemoryModeRequest(), 'qqemu.PhyMemMode', 3],
  [qemuSupportedRequest(), 'qqemu.Supported', 4096],
  [supportedRequest(), 'qSupported', 4096],
  [monitorRequest('info mtree'), 'qRcmd,696e666f206d74726565', 65_536],
  [readDescriptionRequest('target.xml', 0x7fd, 0x7fd), 'qXfer:features:read:target.xml:7fd,7fd', 1 + 2 * 0x7fd],
  [readRegisterRequest(EIP), 'p8', 8],
  [readRegisterRequest({ ...EIP, bits: 8 }), 'p8', 3],
  [readRegistersRequest(LAYOUT), 'g', 16],
  [writeRegisterRequest(EIP, 0x1234n), 'P8=34120000', 3],
  [breakpointRequest('insert', 0xffff_8000_0000_1000n), 'Z1,ffff800000001000,1', 3],
  [breakpointRequest('remove', 0x10n), 'z1,10,1', 3],
  [watchpointRequest('insert', 0x10n, 8), 'Z2,10,8', 3],
  [watchpointRequest('remove', 0x10n, 8), 'z2,10,8', 3],
  [resumeRequest('step', 0), 'vCont;s:1', 256],
  [resumeRequest('continue', 15), 'vCont;c:10', 256],
  [resumeRequest('continue'), 'vCont;c', 256],
  [listThreadsRequest('first'), 'qfThreadInfo', 64],
  [listThreadsRequest('next'), 'qsThreadInfo', 64],
  [selectThreadRequest(15), 'Hg10', 3],
  [selectThreadRequest(0, 'run'), 'Hc1', 3],
  [threadAliveRequest(9), 'Ta', 3],
  [threadExtraInfoRequest(0), 'qThreadExtraInfo,1', 4096],
];

describe('requests to the stub', () => {
  for (const [request, payload, longest] of REQUESTS) {
    it(`${payload} is sent as it is, and leaves room for a reply of ${longest} bytes`, () => {
      expect(request.payload).to.equal(payload);
      expect(request.maxReplyBytes).to.equal(longest);
    });
  }

  it('are followed by others before they are answered, but for those that let the guest run, which may take for ever', () => {
    for (const [request, payload] of REQUESTS) {
      const { barrier, awaitsStop, timeoutMs } = request;
      const isResume = payload.startsWith('vCont');
      expect({ barrier, awaitsStop, timeoutMs }, payload).to.deep.equal(
        isResume
          ? { barrier: true, awaitsStop: true, timeoutMs: 0 }
          : { barrier: undefined, awaitsStop: undefined, timeoutMs: undefined },
      );
    }
  });

  it('wait as long as is said for a command of the monitor', () => {
    expect(monitorRequest('stop', 1234).timeoutMs).to.equal(1234);
  });
});

describe('replies of the stub', () => {
  it('are refused with the number that QEMU gives, in decimal', () => {
    const errnoOf = (reply: string): number | undefined => {
      try {
        answered(selectThreadRequest(0), reply);
      } catch (error) {
        if (error instanceof GdbReplyError) return error.errno;
        expect(error).to.be.instanceOf(GdbProtocolError);
      }
      return undefined;
    };
    expect(['E00', 'E01', 'E14', 'E22', 'E90', 'E09', 'E99'].map(errnoOf)).to.deep.equal([0, 1, 14, 22, 90, 9, 99]);
    expect(['E2', 'E222', 'Ea2', 'E2a', 'F22', 'ok', 'OK '].map(errnoOf)).to.deep.equal(Array(7).fill(undefined));
  });

  it('are OK and nothing else where a request only changes something', () => {
    for (const request of [
      writeMemoryRequest(0n, Uint8Array.of(1)),
      writeRegisterRequest(EIP, 0n),
      selectThreadRequest(0),
      breakpointRequest('insert', 0n),
      watchpointRequest('insert', 0n, 1),
      setPhysicalMemoryModeRequest(true),
    ]) {
      expect(answered(request, 'OK'), request.payload).to.equal(undefined);
      expect(() => answered(request, 'OK!'), request.payload).to.throw(GdbProtocolError);
      expect(() => answered(request, ''), request.payload).to.throw(GdbUnsupportedError);
      expect(() => answered(request, 'E22'), request.payload).to.throw(GdbReplyError);
    }
  });

  it('say where the stub lacks something', () => {
    const messageOf = (request: GdbRequest<unknown>): string => {
      try {
        answered(request, '');
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(messageOf(breakpointRequest('insert', 0n))).to.contain('no hardware breakpoints');
    expect(messageOf(watchpointRequest('insert', 0n, 1))).to.contain('no watchpoints');
    expect(messageOf(queryPhysicalMemoryModeRequest())).to.contain('needs QEMU 4.2 or later');
  });

  it('have the memory that was asked for, in its place, and no more and no less', () => {
    const target = new Uint8Array(5).fill(0xee);
    answered(new ReadMemoryRequest(0, 2, target, 2), '12ab');
    expect([...target]).to.deep.equal([0xee, 0xee, 0x12, 0xab, 0xee]);
    for (const reply of ['12', '12abcd', '12a', '12ag']) {
      expect(() => answered(new ReadMemoryRequest(0, 2, target, 0), reply), reply).to.throw(GdbProtocolError);
    }
    expect(() => answered(new ReadMemoryRequest(0, 2, target, 0), 'E14')).to.throw(GdbReplyError);
  });

  it('have a register in the byte order of the machine, as wide as it is', () => {
    expect(answered(readRegisterRequest(EIP), '78563412')).to.equal(0x1234_5678n);
    for (const reply of ['7856341', '7856341200', 'xxxxxxxx']) {
      expect(() => answered(readRegisterRequest(EIP), reply), reply).to.throw(GdbProtocolError);
    }
    expect(() => answered(readRegisterRequest(EIP), 'E14')).to.throw(GdbReplyError);
  });

  it('have all registers of the layout, or an end where a feature ends', () => {
    const layout = {
      ...{ architecture: 'i386', sizeBytes: 5, byName: new Map() },
      registers: [EIP, { name: 'k0', bits: 8, number: 9, offset: 4, feature: 'g' }],
    };
    const registers = readRegistersRequest(layout);
    expect([...answered(registers, '7856341299')]).to.deep.equal([
      ['eip', 0x1234_5678n],
      ['k0', 0x99n],
    ]);
    expect([...answered(registers, '78563412')]).to.deep.equal([['eip', 0x1234_5678n]]);
    for (const reply of ['', '785634', '785634129900', '785634129', 'xx563412']) {
      expect(() => answered(registers, reply), reply).to.throw(reply === '' ? GdbUnsupportedError : GdbProtocolError);
    }
    expect(() => answered(registers, 'x'.repeat(8))).to.throw('the 5 bytes of the i386 layout');
    expect(() => answered(registers, 'E22')).to.throw(GdbReplyError);
  });

  it('say whether memory is physical, and whether a vCPU is there', () => {
    expect(answered(queryPhysicalMemoryModeRequest(), '1')).to.equal(true);
    expect(answered(queryPhysicalMemoryModeRequest(), '0')).to.equal(false);
    expect(() => answered(queryPhysicalMemoryModeRequest(), '2')).to.throw(GdbProtocolError);
    expect(answered(threadAliveRequest(0), 'OK')).to.equal(true);
    expect(answered(threadAliveRequest(0), 'E22')).to.equal(false);
    expect(() => answered(threadAliveRequest(0), 'no')).to.throw(GdbProtocolError);
  });

  it('list threads, one or several at a time, and their end', () => {
    const list = listThreadsRequest('first');
    expect(answered(list, 'm01')).to.deep.equal([{ cpuIndex: 0, id: '01' }]);
    expect(answered(list, 'mp01.0a,1')).to.deep.equal([
      { cpuIndex: 9, id: 'p01.0a' },
      { cpuIndex: 0, id: '1' },
    ]);
    expect(answered(list, 'l')).to.equal('end');
    for (const reply of ['m', 'm0', 'm01,', 'n01', 'm01;02', 'l0']) {
      expect(() => answered(list, reply), reply).to.throw(GdbProtocolError);
    }
    const many = Array(8193).fill('1');
    expect(answered(list, `m${many.slice(1).join()}`)).to.have.lengthOf(8192);
    expect(() => answered(list, `m${many.join()}`)).to.throw(GdbProtocolError, 'at most 8192');
  });

  it('tell a halted vCPU from one that runs', () => {
    const infoOf = (text: string) => answered(threadExtraInfoRequest(0), Buffer.from(text, 'latin1').toString('hex'));
    expect(infoOf('CPU#0 [running]')).to.deep.equal({ text: 'CPU#0 [running]', isHalted: false });
    expect(infoOf('CPU#1 [halted ]')).to.deep.equal({ text: 'CPU#1 [halted ]', isHalted: true });
    expect(() => answered(threadExtraInfoRequest(0), '')).to.throw(GdbUnsupportedError);
    expect(() => answered(threadExtraInfoRequest(0), '4')).to.throw(GdbProtocolError);
  });

  it('have a piece of a description, and whether it is the last', () => {
    const request = readDescriptionRequest('target.xml', 0, 4);
    expect(answered(request, 'm<a>')).to.deep.equal({ bytes: bytesOf('<a>'), isLast: false });
    expect(answered(request, 'l')).to.deep.equal({ bytes: new Uint8Array(0), isLast: true });
    expect(() => answered(request, 'x')).to.throw(GdbProtocolError);
    expect(() => answered(request, 'E00')).to.throw(GdbReplyError);
  });

  it('have what the stub can do, with the values that it gives', () => {
    const features = answered(supportedRequest(), 'PacketSize=1000;qXfer:features:read+;vCont-;x?;=1;+;bare');
    expect(features).to.include({ packetSizeBytes: 4096, targetDescription: true });
    expect([...features.all]).to.deep.equal([
      ['PacketSize', '1000'],
      ['qXfer:features:read', '+'],
      ['vCont', '-'],
      ['x', '?'],
    ]);
    expect(answered(supportedRequest(), 'PacketSize=40')).to.include({ packetSizeBytes: 64, targetDescription: false });
    for (const reply of ['PacketSize=3f', 'PacketSize=', 'PacketSize=x', 'PacketSize=123456789', 'a+']) {
      expect(() => answered(supportedRequest(), reply), reply).to.throw(GdbProtocolError);
    }
    expect([...answered(qemuSupportedRequest(), 'sstepbits;sstep;PhyMemMode')]).to.deep.equal([
      ...['sstepbits', 'sstep', 'PhyMemMode'],
    ]);
    expect([...answered(qemuSupportedRequest(), '')]).to.deep.equal([]);
  });

  it('have what a command of the monitor prints, which may be cut anywhere', () => {
    const request = monitorRequest('x');
    const text = 'é: 1\r\n2';
    const hex = Buffer.from(text, 'utf8').toString('hex');
    for (const piece of [hex.slice(0, 2), hex.slice(2)])
      expect(request.absorb?.(bytesOf(`O${piece}`), CONTEXT)).to.equal(true);
    expect(request.absorb?.(bytesOf('OK'), CONTEXT)).to.equal(false);
    expect(answered(request, 'OK')).to.equal('é: 1\n2');
    expect(() => monitorRequest('x').absorb?.(bytesOf('Oxx'), CONTEXT)).to.throw(GdbProtocolError, 'hexadecimal');
    for (const command of ['', 'a\nb', 'a\rb', 'a\0b']) {
      expect(() => monitorRequest(command), JSON.stringify(command)).to.throw(GdbArgumentError);
    }
  });

  it('of the monitor are held to 16 MiB', () => {
    const request = monitorRequest('x');
    const mebibyte = bytesOf(`O${'41'.repeat(2 ** 20)}`);
    for (let at = 0; at < 16; at += 1) expect(request.absorb?.(mebibyte, CONTEXT)).to.equal(true);
    expect(() => request.absorb?.(bytesOf('O41'), CONTEXT)).to.throw(GdbProtocolError, 'more than 16777216 bytes');
    expect(answered(request, 'OK')).to.have.lengthOf(2 ** 24);
  });
});

describe('a register that is written', () => {
  it('has all of its width, and no more', () => {
    expect(writeRegisterRequest(EIP, 0xffff_ffffn).payload).to.equal('P8=ffffffff');
    for (const value of [-1n, 1n << 32n]) {
      expect(() => writeRegisterRequest(EIP, value), String(value)).to.throw(GdbArgumentError, '32 bits of register');
    }
  });
});
