import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseDeviceState } from '../../../../protocols/qmp/index.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import { assumedMemoryTypes, type MemoryTypeMsrs, readMemoryTypes } from '../../../../src/guest/vcpu/memory-types.ts';
import type { Sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';
import { openFile, removeDirectory } from '../../../support/fakes/open-file.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';
import { region } from '../../../support/fakes/region.ts';
import { svmDeviceState } from '../../../support/fakes/svm-device-state.ts';
import { wordsOf } from '../../../support/words-of.ts';

const STATE = readFixture('qmp/device-state/x86_64.bin');
const VCPU = { qomPath: '/machine/cpu[0]', openFile };
const NOTHING = { memory: new FakeMemory(0), map: new MemoryMap([]) };

/** A monitor that has this for the property `mtrr` of its vCPU, and writes QEMU's device state. */
function monitorWith(mtrr: boolean | undefined, state = STATE): Monitor {
  return fakeMonitor({
    saveDeviceState: (file) => writeFile(file, state),
    qomGet: (_, property) => Promise.resolve(property === 'mtrr' ? mtrr : undefined),
  });
}

describe('PAT and MTRRs of a guest', () => {
  after(removeDirectory);

  it('come out of QEMU’s device state', async () => {
    const stated = parseDeviceState(STATE).cpus.get(0);
    const types = await readMemoryTypes(monitorWith(true), 0, VCPU, NOTHING);
    const { value } = types;
    expect(types).to.include({ from: 'device-state', detail: 'section cpu, pat and mtrr' });
    expect(value).to.deep.equal({
      pat: stated?.pat,
      mtrrDefType: stated?.mtrr.defType,
      mtrrFixed: stated?.mtrr.fixed,
      mtrrVariable: stated?.mtrr.variable,
      hasMtrrs: true,
      hypervisor: null,
    });
    expect(value.mtrrFixed).to.have.lengthOf(11);
    expect(value.mtrrVariable).to.have.lengthOf(8);
  });

  it('are those of a processor without MTRRs where CPUID says so', async () => {
    expect((await readMemoryTypes(monitorWith(false), 0, VCPU, NOTHING)).value.hasMtrrs).to.equal(false);
  });

  it('are there unless CPUID says otherwise', async () => {
    expect((await readMemoryTypes(monitorWith(undefined), 0, VCPU, NOTHING)).value.hasMtrrs).to.equal(true);
    const unknown = { ...VCPU, qomPath: undefined };
    expect((await readMemoryTypes(monitorWith(false), 0, unknown, NOTHING)).value.hasMtrrs).to.equal(true);
  });

  it('are assumed, with the reason, where the device state is unavailable', async () => {
    const types = await readMemoryTypes(fakeMonitor(), 0, VCPU, NOTHING);
    expect(types.from).to.equal('assumed');
    expect(wordsOf(types)).to.contain('no QMP');
    expect(`0x${types.value.pat.toString(16)}`).to.equal('0x7040600070406');
    expect(types.value.hasMtrrs).to.equal(false);
    const other = await readMemoryTypes(monitorWith(true), 7, VCPU, NOTHING);
    expect(other).to.deep.include({ from: 'assumed', cause: { code: 'no-saved-vcpu', cpu: 7 } });
  });

  describe('that runs a hypervisor', () => {
    const svm = { vmcb: 0x6000n, hostSave: 0x7000n, nestedCr3: 0x5000n, nestedPgMode: 7, nestedPaging: true };
    const ownPat = parseDeviceState(STATE).cpus.get(0)?.pat;
    const guestPat = 0x0007_0406_0007_0501n;
    const hostCr0 = 0xc001_0011n;

    function typesOf(state: typeof svm, memoryEnd = 0x7fffn): Promise<Sourced<MemoryTypeMsrs>> {
      const memory = new FakeMemory(0x8000);
      memory.setEntry(0x6668, guestPat);
      memory.setEntry(0x7558, hostCr0);
      const seen = { memory, map: new MemoryMap([region('ram', 0n, memoryEnd)]) };
      return readMemoryTypes(monitorWith(true, svmDeviceState(state)), 0, VCPU, seen);
    }

    it('are the guest’s in the VMCB, and the hypervisor’s own in QEMU', async () => {
      const { value } = await typesOf(svm);
      expect(`0x${value.pat.toString(16)}`).to.equal(`0x${guestPat.toString(16)}`);
      expect(value.hypervisor).to.deep.equal({
        value: { pat: ownPat, cr0: hostCr0 },
        from: 'device-state',
        detail: 'section cpu, pat; the VMCB at 0x6000 and the host-save area at 0x7000',
      });
      expect(value.mtrrFixed).to.have.lengthOf(11);
    });

    it('are one and the same without nested tables', async () => {
      const { value } = await typesOf({ ...svm, nestedPaging: false });
      expect(value).to.include({ pat: ownPat, hypervisor: null });
    });

    it('are assumed, with the reason, where no memory holds what VMRUN took or left', async () => {
      const { value, from } = await typesOf(svm, 0x6fffn);
      expect(from).to.equal('device-state');
      expect(`0x${value.pat.toString(16)}`).to.equal('0x7040600070406');
      expect(value.hypervisor).to.deep.equal({
        value: { pat: ownPat, cr0: 0n },
        from: 'assumed',
        cause: { code: 'vmcb-unbacked', vmcb: 0x6000n, hostSaveArea: 0x7000n },
      });
    });
  });

  it('are asked for by the path of the vCPU, and not without one', async () => {
    const asked: unknown[] = [];
    const monitor = fakeMonitor({
      saveDeviceState: (file) => writeFile(file, STATE),
      qomGet: async (...question) => {
        asked.push(question);
        return false;
      },
    });
    await readMemoryTypes(monitor, 0, VCPU, NOTHING);
    expect(asked).to.deep.equal([['/machine/cpu[0]', 'mtrr']]);
    await readMemoryTypes(monitor, 0, { ...VCPU, qomPath: undefined }, NOTHING);
    expect(asked).to.have.length(1);
  });

  it('are taken for those at reset, without MTRRs, where they cannot be read', () => {
    expect(assumedMemoryTypes({ code: 'no-qmp' })).to.deep.equal({
      value: {
        pat: 0x0007_0406_0007_0406n,
        mtrrDefType: 0n,
        mtrrFixed: [],
        mtrrVariable: [],
        hasMtrrs: false,
        hypervisor: null,
      },
      from: 'assumed',
      cause: { code: 'no-qmp' },
    });
  });
});
