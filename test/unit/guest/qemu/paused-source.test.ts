import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { parseAllInfoRegisters } from '../../../../protocols/qmp/index.ts';
import type { RemoteProcess } from '../../../../protocols/transport/internal.ts';
import { GuestRunStateError } from '../../../../src/guest/errors.ts';
import type { Link } from '../../../../src/guest/link/link.ts';
import { HostPlaces } from '../../../../src/guest/memory/host/host-places.ts';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import type { Peer } from '../../../../src/guest/peer/peer.ts';
import { MemoryMapMemo } from '../../../../src/guest/qemu/memory-map-memo.ts';
import { PausedSource, type QemuParts } from '../../../../src/guest/qemu/paused-source.ts';
import { SCRIPTED_PROCESSOR, scriptedLink } from '../../../../src/guest/rehearsal/scripted-link.ts';
import { ScriptedMemory } from '../../../../src/guest/rehearsal/scripted-memory.ts';
import { connectScriptedStub } from '../../../../src/guest/rehearsal/scripted-stub.ts';
import { deviceState, MONITOR_TEXTS } from '../../../../src/guest/rehearsal/scripted-texts.ts';
import { StubSession } from '../../../../src/guest/stub/stub-session.ts';
import { KernelMemo } from '../../../../src/linux/internal.ts';
import { openFile, removeDirectory } from '../../../support/fakes/open-file.ts';
import { svmDeviceState } from '../../../support/fakes/svm-device-state.ts';

const TIMES = { timeoutMs: 5000, requestTimeoutMs: 5000 };
const VIEWS = MONITOR_TEXTS.get('info mtree -f')?.replaceAll('\r\n', '\n') ?? '';
const REGISTERS = MONITOR_TEXTS.get('info registers -a')?.replaceAll('\r\n', '\n') ?? '';
const PLACE = 0x7f00_0000_0000;

/** A QEMU of another host, which has the memory of the script. */
function remote(): Peer {
  const memory = new ScriptedMemory();
  const process: RemoteProcess = {
    ...{ pid: 7, uid: 0, memoryProblem: undefined },
    readMaps: async () => '7f0000000000-7f0100000000 rw-p 00000000 00:00 0\n',
    readMemory: async (pieces) => {
      for (const { position, target } of pieces) target.set(memory.read(position - PLACE, target.length));
    },
  };
  return { kind: 'remote', process };
}

describe('a QEMU that is paused', () => {
  let connection = connectScriptedStub();
  /** What the stub was sent, but for acks. */
  let sent = '';
  let stub: StubSession;
  beforeEach(async () => {
    connection = connectScriptedStub();
    const write = connection.stream.write.bind(connection.stream) as (...given: unknown[]) => boolean;
    connection.stream.write = (...given: unknown[]): boolean => {
      sent += typeof given[0] === 'string' ? given[0] : Buffer.from(given[0] as Uint8Array).toString('latin1');
      return write(...given);
    };
    const client = await GdbClient.connect(connection, TIMES);
    stub = StubSession.over(client, { endpoint: 'the rehearsal', ...TIMES });
    sent = '';
  });
  afterEach(() => connection.close());
  after(removeDirectory);

  /** Commands of the monitor that the stub was handed. */
  function commands(): readonly string[] {
    return [...sent.matchAll(/\$qRcmd,([0-9a-f]+)#/g)].map(([, hex = '']) => Buffer.from(hex, 'hex').toString());
  }

  function sourceOf(link: Partial<Link> = {}, parts: Partial<QemuParts> = {}): PausedSource {
    return new PausedSource(
      {
        link: { ...scriptedLink(), ...link },
        cpus: [{ index: 0, qomPath: '/machine/cpu', threadId: undefined }],
        processor: SCRIPTED_PROCESSOR,
        useHostMemory: false,
        allowsWrites: false,
        memory: { maps: new MemoryMapMemo(), places: new HostPlaces() },
        kernels: new KernelMemo(),
        ...parts,
      },
      stub,
    );
  }

  it('has the vCPUs of its machine, and memory that may be written where that is allowed', () => {
    const kernels = new KernelMemo();
    const cpus = [3, 7].map((index) => ({ index, qomPath: undefined, threadId: undefined }));
    for (const allowsWrites of [false, true]) {
      const source = sourceOf({}, { cpus, kernels, allowsWrites });
      expect(source.vcpus).to.deep.equal([3, 7]);
      expect(source.kernels).to.equal(kernels);
      expect(source.allowsWrites).to.equal(allowsWrites);
      expect(source.fewEntries).to.equal(source.writable);
    }
  });

  it('shows a vCPU through its stub: registers first, and which they are is noted', async () => {
    const noted: string[] = [];
    const memory = { maps: new MemoryMapMemo(), places: new HostPlaces() };
    const source = sourceOf({ noteRegisters: (text) => void noted.push(text) }, { memory });
    const { state, map } = await source.readVcpu(0);
    expect(noted).to.deep.equal([REGISTERS]);
    expect(commands()).to.deep.equal(['info registers -a', 'info mtree -f']);
    expect(sent.indexOf('$g#')).to.be.within(1, sent.indexOf('$qRcmd'));
    expect(map).to.equal(memory.maps.select(VIEWS, 0, false));
    expect(state).to.deep.include({
      ...SCRIPTED_PROCESSOR,
      cpu: 0,
      cr0: { value: 0x8005_0033n, from: 'gdb-stub', detail: 'register cr0' },
      cr3: { value: 0x1000n, from: 'gdb-stub', detail: 'register cr3' },
      efer: { value: 0xd01n, from: 'gdb-stub', detail: 'register efer' },
    });
    expect(state.position?.rsp).to.deep.equal({ value: 0n, from: 'gdb-stub', detail: 'register rsp' });
  });

  it('does not note the registers of a stub that may be another guest’s', async () => {
    const noted: string[] = [];
    await sourceOf({ isStubProven: false, noteRegisters: (text) => void noted.push(text) }).readVcpu(0);
    expect(noted).to.deep.equal([]);
  });

  it('shows more than four vCPUs by the monitor, each by itself', async () => {
    const [shown] = parseAllInfoRegisters(REGISTERS);
    if (shown === undefined) throw new Error('the script has a vCPU');
    for (const [count, expected] of [
      [4, []],
      [5, [0]],
    ] as const) {
      const asked: number[] = [];
      const registers: Monitor['registers'] = async (cpu) => {
        asked.push(cpu);
        return { ...shown, cpl: 3 };
      };
      const cpus = Array.from({ length: count }, (_, index) => ({ index, qomPath: undefined, threadId: undefined }));
      const monitor = { ...scriptedLink().monitor, registers };
      const { state } = await sourceOf({ monitor }, { cpus }).readVcpu(0);
      expect(asked).to.deep.equal(expected);
      expect(state.cpl.value).to.equal(expected.length === 0 ? 0 : 3);
    }
  });

  it('is read through the stub, or on the host that has its memory', async () => {
    const answer = (command: string) => {
      const number = Number(command.replace('gpa2hva ', ''));
      return `Host virtual address for 0x0 (pc.ram) is 0x${(PLACE + number).toString(16)}\n`;
    };
    for (const useHostMemory of [false, true]) {
      const memory = { maps: new MemoryMapMemo(), places: new HostPlaces() };
      const source = sourceOf({ peer: remote() }, { useHostMemory, memory });
      const vcpu = await source.readVcpu(0);
      for (const region of vcpu.map.regions) {
        const command = `gpa2hva ${region.first}`;
        if (region.kind !== 'device') memory.places.note(region, Number(answer(command).split('is ')[1]));
      }
      sent = '';
      const opened = await source.openMemory(vcpu);
      expect(opened.report).to.deep.equal(
        useHostMemory
          ? {
              provider: 'host-process',
              attempts: [{ provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } }],
            }
          : { provider: 'gdb-stub', attempts: [] },
      );
      sent = '';
      const [bytes] = await opened.memory.read([{ address: 0x1000, lengthBytes: 2 }]);
      expect([...(bytes ?? [])]).to.deep.equal([7, 0x20]);
      expect(sent.includes('$m1000,2#')).to.equal(!useHostMemory);
      opened[Symbol.dispose]?.();
    }
    const unknown = sourceOf({}, { useHostMemory: true });
    const { report } = await unknown.openMemory(await unknown.readVcpu(0));
    expect(report).to.deep.equal({
      provider: 'gdb-stub',
      attempts: [{ provider: 'host-process', cause: { code: 'not-connected' } }],
    });
  });

  it('saves its device state for what no stub shows, and asks before through the stub, where that is its own', async () => {
    for (const isStubProven of [true, false]) {
      const saved: string[] = [];
      const through: string[] = [];
      const asked: unknown[] = [];
      const monitor: Monitor = {
        ...scriptedLink().monitor,
        qomGet: async (...question) => {
          asked.push(question);
          return true;
        },
        saveDeviceState: async (file, hmp) => {
          saved.push(file);
          if (hmp !== undefined) through.push(await hmp('info status'));
          await writeFile(file, deviceState());
        },
      };
      const source = sourceOf({ monitor, isStubProven, deviceStateFile: openFile });
      const vcpu = await source.readVcpu(0);
      sent = '';
      const hidden = await vcpu.readHidden?.();
      expect(hidden?.pkru).to.deep.equal({
        value: 0,
        from: 'device-state',
        detail: 'section cpu, subsection cpu/pkru',
      });
      const types = await source.readMemoryTypes(vcpu);
      expect(types).to.deep.include({ from: 'device-state', detail: 'section cpu, pat and mtrr' });
      expect(types.value.hasMtrrs).to.equal(true);
      expect(asked).to.deep.equal([['/machine/cpu', 'mtrr']]);
      expect(saved).to.deep.equal([openFile().path, openFile().path]);
      expect(through).to.deep.equal(isStubProven ? ['VM status: paused\n', 'VM status: paused\n'] : []);
      expect(commands()).to.deep.equal(isStubProven ? ['info status', 'info status'] : []);
    }
    const { saveDeviceState: _, ...without } = scriptedLink().monitor;
    const vcpu = await sourceOf({ monitor: without }).readVcpu(0);
    expect((await vcpu.readHidden?.())?.pkru).to.deep.include({ from: 'assumed', cause: { code: 'no-qmp' } });
  });

  it('is read through its stub for what a hypervisor has in memory while its guest runs', async () => {
    const svm = { vmcb: 0x2000n, hostSave: 0x1000n, nestedCr3: 0x5000n, nestedPgMode: 3, nestedPaging: true };
    const saveDeviceState = (file: string): Promise<void> => writeFile(file, svmDeviceState(svm));
    const source = sourceOf({ monitor: { ...scriptedLink().monitor, saveDeviceState }, deviceStateFile: openFile });
    const vcpu = await source.readVcpu(0);
    sent = '';
    expect((await vcpu.readHidden?.())?.hypervisorSmep).to.deep.equal({
      value: false,
      from: 'device-state',
      detail: 'CR4 in the host-save area at 0x1000',
    });
    expect(sent).to.contain('$m1548,8#');
    const { value } = await source.readMemoryTypes(vcpu);
    // What the tables of the script have there.
    expect([value.pat, value.hypervisor?.value.cr0]).to.deep.equal([0x3007n, 0x2007n]);
    expect(sent).to.contain('$m2668,8#').and.to.contain('$m1558,8#');
  });

  it('is over when it is resumed, or when another client has done that', async () => {
    const log: string[] = [];
    const resumed = new Error('resumed');
    let isPaused = true;
    const source = sourceOf({
      checkStillPaused: () => {
        log.push('check');
        if (!isPaused) throw resumed;
      },
      hearNews: async () => void log.push('news'),
    });
    source.pause.check();
    await source.pause.hearNews();
    expect(log.splice(0)).to.deep.equal(['check', 'news']);
    isPaused = false;
    expect(() => source.pause.check()).to.throw(resumed);
    isPaused = true;
    source[Symbol.dispose]();
    expect(() => source.pause.check())
      .to.throw(GuestRunStateError, /^this pause is over; pause the guest again to ask it more$/)
      .with.property('code', 'ERR_GUEST_NOT_PAUSED');
  });
});
