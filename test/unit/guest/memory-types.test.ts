import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseDeviceState } from '../../../protocols/qmp/index.ts';
import { readMemoryTypes } from '../../../src/guest/memory-types.ts';
import type { Monitor } from '../../../src/guest/monitor.ts';
import { fakeMonitor } from '../../support/fake-monitor.ts';
import { readFixture } from '../../support/read-fixture.ts';

const STATE = readFixture('qmp/device-state-x86_64.bin');
const VCPU = { qomPath: '/machine/cpu[0]', threadId: undefined };

/** A monitor that has this for the property `mtrr` of its vCPU, and writes QEMU's device state. */
function monitorWith(mtrr: boolean | undefined): Monitor {
  return fakeMonitor({
    saveDeviceState: (file) => writeFile(file, STATE),
    qomGet: (_, property) => Promise.resolve(property === 'mtrr' ? mtrr : undefined),
  });
}

describe('PAT and MTRRs of a guest', () => {
  it('come out of QEMU’s device state', async () => {
    const stated = parseDeviceState(STATE).cpus.get(0);
    const { value, from, detail } = await readMemoryTypes(monitorWith(true), 0, VCPU);
    expect({ from, detail }).to.deep.equal({ from: 'device-state', detail: 'section cpu, pat and mtrr' });
    expect(value).to.deep.equal({
      pat: stated?.pat,
      mtrrDefType: stated?.mtrr.defType,
      mtrrFixed: stated?.mtrr.fixed,
      mtrrVariable: stated?.mtrr.variable,
      hasMtrrs: true,
    });
    expect(value.mtrrFixed).to.have.lengthOf(11);
    expect(value.mtrrVariable).to.have.lengthOf(8);
  });

  it('are those of a processor without MTRRs where CPUID says so', async () => {
    expect((await readMemoryTypes(monitorWith(false), 0, VCPU)).value.hasMtrrs).to.equal(false);
  });

  it('are there unless CPUID says otherwise', async () => {
    expect((await readMemoryTypes(monitorWith(undefined), 0, VCPU)).value.hasMtrrs).to.equal(true);
    const unknown = { ...VCPU, qomPath: undefined };
    expect((await readMemoryTypes(monitorWith(false), 0, unknown)).value.hasMtrrs).to.equal(true);
  });

  it('are assumed, with the reason, where the device state cannot be had', async () => {
    const types = await readMemoryTypes(fakeMonitor(), 0, VCPU);
    expect(types.from).to.equal('assumed');
    expect(types.detail).to.contain('no QMP');
    expect(`0x${types.value.pat.toString(16)}`).to.equal('0x7040600070406');
    expect(types.value.hasMtrrs).to.equal(false);
    const other = await readMemoryTypes(monitorWith(true), 7, VCPU);
    expect(other).to.include({ from: 'assumed', detail: "QEMU's device state has no vCPU 7" });
  });
});
