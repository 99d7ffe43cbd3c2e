import { readdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { QmpClosedError } from '../../../../protocols/qmp/index.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import {
  assumedHiddenRegisters,
  NO_HIDDEN_REGISTERS,
  readHiddenRegisters,
} from '../../../../src/guest/vcpu/hidden-registers.ts';
import { type SeenMemory, VMCB_CR4 } from '../../../../src/guest/vcpu/vmcb.ts';
import { CR4_SMEP } from '../../../../src/paging/index.ts';
import { PROTECTION_KEYS } from '../../../support/builders/protection-keys-rom.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';
import { openFile, removeDirectory } from '../../../support/fakes/open-file.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';
import { region } from '../../../support/fakes/region.ts';
import { kvmNestedDeviceState, kvmPaeDeviceState, svmDeviceState } from '../../../support/fakes/svm-device-state.ts';
import { wordsOf } from '../../../support/words-of.ts';

const STATE = readFixture('qmp/device-state/x86_64.bin');
/** No memory at all. */
const NOWHERE = { memory: new FakeMemory(0), map: new MemoryMap([]) };
const HOST_SAVE = 0x2000;

/** A monitor that writes these bytes, as QEMU writes its device state; and where it wrote them. */
function savingMonitor(bytes: Uint8Array): { monitor: Monitor; files: string[] } {
  const files: string[] = [];
  const monitor = fakeMonitor({
    saveDeviceState: async (file) => {
      files.push(file);
      await writeFile(file, bytes);
    },
  });
  return { monitor, files };
}

/** A host-save area with this CR4. */
function memoryWith(cr4: bigint): SeenMemory {
  const memory = new FakeMemory(0x4000);
  memory.setEntry(HOST_SAVE + VMCB_CR4, cr4);
  return { memory, map: new MemoryMap([region('ram', 0n, 0x3fffn)]) };
}

describe('registers that no stub shows', () => {
  after(removeDirectory);

  it('come out of QEMU’s device state, through a file that is gone afterwards', async () => {
    const { monitor, files } = savingMonitor(STATE);
    const { pkru, pkrs } = await readHiddenRegisters(monitor, 0, openFile, NOWHERE);
    expect(pkru).to.include({ value: PROTECTION_KEYS.pkru, from: 'device-state' });
    expect(pkrs).to.include({ value: PROTECTION_KEYS.pkrs, from: 'device-state' });
    expect(files).to.have.length(1);
    expect(await readdir(dirname(files[0] ?? ''))).to.deep.equal([]);
  });

  it('PDPTE registers that QEMU has not saved are taken from memory', async () => {
    const { monitor } = savingMonitor(STATE);
    const { pdptes } = await readHiddenRegisters(monitor, 0, openFile, NOWHERE);
    expect(pdptes.value).to.equal(null);
  });

  it('nested tables are assumed away where KVM runs a nested guest (L2), and does not show them', async () => {
    const nestedOf = async (isInGuest: boolean) => {
      const { monitor } = savingMonitor(kvmNestedDeviceState(isInGuest));
      return (await readHiddenRegisters(monitor, 0, openFile, NOWHERE)).nested;
    };
    expect(await nestedOf(false)).to.include({ value: null, from: 'device-state' });
    const assumed = await nestedOf(true);
    expect(assumed).to.include({ value: null, from: 'assumed' });
    expect(wordsOf(assumed)).to.contain('--nested');
  });

  it('SMEP of a hypervisor without NXE comes from where #VMEXIT takes its CR4 from', async () => {
    const smepOf = async (nestedPgMode: number, hostCr4: bigint, seen = memoryWith(hostCr4)) => {
      const addresses = { vmcb: 0x1000n, hostSave: BigInt(HOST_SAVE), nestedCr3: 0x5000n };
      const { monitor } = savingMonitor(svmDeviceState({ ...addresses, nestedPgMode, nestedPaging: true }));
      return (await readHiddenRegisters(monitor, 0, openFile, seen)).hypervisorSmep;
    };
    // PAE and LMA; with bit 2, NXE.
    expect(await smepOf(3, CR4_SMEP)).to.include({ value: true, from: 'device-state' });
    expect(await smepOf(3, 0x20n)).to.include({ value: false, from: 'device-state' });
    expect(await smepOf(7, CR4_SMEP), 'NXE says the same').to.include({ value: false, from: 'not-in-use' });
    expect(await smepOf(8, CR4_SMEP), 'without PAE there is no NXE').to.include({ value: true, from: 'device-state' });
    const assumed = await smepOf(3, 0n, NOWHERE);
    expect(assumed).to.include({ value: false, from: 'assumed' });
    expect(wordsOf(assumed)).to.equal(
      'the host-save area at 0x2000 is not in memory; --nested npt:ROOT,MODE,smep states it',
    );
  });

  describe('are assumed, with the reason,', () => {
    async function assumption(monitor: Monitor, cpu = 0): Promise<string> {
      const registers = await readHiddenRegisters(monitor, cpu, openFile, NOWHERE);
      const values = Object.entries(registers).map(([name, { value, from }]) => `${name} ${from} ${value}`);
      const expected = ['pkru assumed 0', 'pkrs assumed 0', 'pdptes assumed null', 'nested assumed null'];
      expect(values).to.deep.equal([...expected, 'hypervisorSmep not-in-use false']);
      const reasons = [registers.pkru, registers.pkrs, registers.pdptes, registers.nested].map(wordsOf);
      expect(new Set(reasons).size).to.equal(1);
      return wordsOf(registers.pkru);
    }

    it('without QMP', async () => {
      expect(await assumption(fakeMonitor())).to.match(/does not show it, and there is no QMP/);
    });

    it('when QEMU refuses, with what it says', async () => {
      const refusing = fakeMonitor({ saveDeviceState: () => Promise.reject(new Error('Unable to open')) });
      expect(await assumption(refusing)).to.match(/cannot be read here: Unable to open$/);
    });

    it('when QEMU writes to another host’s file system', async () => {
      const elsewhere = fakeMonitor({ saveDeviceState: () => Promise.resolve() });
      expect(await assumption(elsewhere)).to.match(/cannot be read here: ENOENT/);
    });

    it('when the file is none that can be read', async () => {
      expect(await assumption(savingMonitor(Buffer.from('nonsense')).monitor)).to.match(/cannot be read here/);
      expect(await assumption(savingMonitor(STATE.subarray(0, 2000)).monitor)).to.match(/cannot be read here/);
    });

    it('when this vCPU is not in it', async () => {
      expect(await assumption(savingMonitor(STATE).monitor, 7)).to.equal("QEMU's device state has no vCPU 7");
    });
  });

  it('are not assumed of a QEMU that is gone', async () => {
    const happened = { endpoint: 'unix:/qmp', happened: 'QEMU exited', command: 'xen-save-devices-state' };
    const gone = new QmpClosedError({ ...happened, explanation: '' });
    const monitor = fakeMonitor({ saveDeviceState: () => Promise.reject(gone) });
    expect(await expectRejection(readHiddenRegisters(monitor, 0, openFile, NOWHERE))).to.equal(gone);
  });

  it('leave no directory behind when they are unavailable', async () => {
    const files: string[] = [];
    const refusing = fakeMonitor({
      saveDeviceState: (file) => {
        files.push(file);
        return Promise.reject(new Error('no'));
      },
    });
    await readHiddenRegisters(refusing, 0, openFile, NOWHERE);
    expect(await readdir(dirname(files[0] ?? ''))).to.deep.equal([]);
  });

  it('come each with the part of the device state that it is from', async () => {
    const { monitor } = savingMonitor(STATE);
    const read = (name: string, value: unknown) => {
      return { value, from: 'device-state', detail: `section cpu, subsection cpu/${name}` };
    };
    expect(await readHiddenRegisters(monitor, 0, openFile, NOWHERE)).to.deep.equal({
      pkru: read('pkru', PROTECTION_KEYS.pkru),
      pkrs: read('pkrs', PROTECTION_KEYS.pkrs),
      pdptes: read('pdptrs', null),
      nested: read('svn_npt', null),
      hypervisorSmep: { value: false, from: 'not-in-use', cause: { code: 'smep-decides-nothing' } },
    });
  });

  it('PDPTE registers are those that KVM has saved, in their order', async () => {
    const pdptes = [0x1001n, 0xf_ffff_ffff_f001n, 0n, 0x4001n];
    const { monitor } = savingMonitor(kvmPaeDeviceState(pdptes));
    expect((await readHiddenRegisters(monitor, 0, openFile, NOWHERE)).pdptes).to.deep.equal({
      value: pdptes,
      from: 'device-state',
      detail: 'section cpu, subsection cpu/pdptrs',
    });
  });

  it('the second stage of a nested guest (L2) is what TCG has saved of it', async () => {
    const addresses = { vmcb: 0x1000n, hostSave: BigInt(HOST_SAVE), nestedCr3: 0x5000n };
    const { monitor } = savingMonitor(svmDeviceState({ ...addresses, nestedPgMode: 3, nestedPaging: true }));
    const { nested, hypervisorSmep } = await readHiddenRegisters(monitor, 0, openFile, memoryWith(CR4_SMEP));
    expect(nested).to.deep.equal({
      value: {
        kind: 'npt',
        registers: { cr0: 0x8000_0000n, nestedCr3: 0x5000n, cr4: 0x20n, efer: 0x400n },
      },
      from: 'device-state',
      detail: 'section cpu, subsection cpu/svn_npt',
    });
    expect(hypervisorSmep).to.deep.equal({
      value: true,
      from: 'device-state',
      detail: 'CR4 in the host-save area at 0x2000',
    });
  });

  it('are assumed each for its own reason, and not in use each for its own', () => {
    const told: string[] = [];
    const assumed = assumedHiddenRegisters((register) => {
      told.push(register);
      return { code: 'not-kept', register };
    });
    expect(told).to.deep.equal(['pkru', 'pkrs', 'pdptes', 'nested']);
    const value = (register: string, taken: number | null) => {
      return { value: taken, from: 'assumed', cause: { code: 'not-kept', register } };
    };
    const hypervisorSmep = { value: false, from: 'not-in-use', cause: { code: 'smep-decides-nothing' } };
    expect(assumed).to.deep.equal({
      pkru: value('pkru', 0),
      pkrs: value('pkrs', 0),
      pdptes: value('pdptes', null),
      nested: value('nested', null),
      hypervisorSmep,
    });
    expect(NO_HIDDEN_REGISTERS).to.deep.equal({
      pkru: { value: 0, from: 'not-in-use', cause: { code: 'no-protection-keys', bit: 'PKE' } },
      pkrs: { value: 0, from: 'not-in-use', cause: { code: 'no-protection-keys', bit: 'PKS' } },
      pdptes: { value: null, from: 'not-in-use', cause: { code: 'no-pdpte-registers' } },
      nested: { value: null, from: 'not-in-use', cause: { code: 'svm-off' } },
      hypervisorSmep,
    });
  });
});
