import { GuestUsageError } from '../errors.ts';
import { assumedMemoryTypes } from '../vcpu/memory-types.ts';
import type { GuestSource, SourceMemory, SourceVcpu } from './guest-source.ts';

/**
 * A vCPU as it was, with the tables that certain translations need and no others: what they are asked of takes its time, and the
 * guest need not wait.
 *
 * @param vcpus - all that the guest has
 * @internal
 */
export function keptSource(vcpu: SourceVcpu, memory: SourceMemory, vcpus: readonly number[]): GuestSource {
  const { cpu: own } = vcpu.state;
  return {
    vcpus,
    readVcpu: (cpu) =>
      cpu === own
        ? Promise.resolve(vcpu)
        : Promise.reject(new GuestUsageError(`only vCPU ${own} was kept, not vCPU ${cpu}`)),
    openMemory: () => Promise.resolve(memory),
    readMemoryTypes: () => Promise.resolve(assumedMemoryTypes({ code: 'not-kept', register: 'memoryTypes' })),
  };
}
