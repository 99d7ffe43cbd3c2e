import { expect } from 'chai';
import { machineOf } from '../../../../src/guest/vcpu/machine.ts';
import { sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

describe('what runs a guest', () => {
  it('is QEMU in its version, with KVM or without, or is not known', () => {
    expect(machineOf(vcpuStateWith())).to.deep.equal({ accelerator: 'kvm', qemuVersion: [7, 2, 22] });
    const { qemuVersion: _, ...unknown } = vcpuStateWith({ accelerator: sourced(null, 'given', '') });
    expect(machineOf(unknown)).to.deep.equal({ accelerator: null, qemuVersion: null });
  });
});
