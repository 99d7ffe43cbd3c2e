import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { vcpuStateOf } from '../../../../src/guest/source/given-vcpu.ts';
import { keptSource } from '../../../../src/guest/source/kept-source.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';

describe('a vCPU that was kept', () => {
  const registers = { cr0: 0n, cr3: 0n, cr4: 0n, efer: 0n };
  const vcpu = { state: vcpuStateOf({ registers }, { cpu: 2 }), map: new MemoryMap([]) };
  const memory = { memory: new FakeMemory(1), report: { provider: 'caller', attempts: [] } } as const;
  const source = keptSource(vcpu, memory, [0, 2]);

  it('is there with its memory, and the numbers of all others', async () => {
    expect(source.vcpus).to.deep.equal([0, 2]);
    expect(await source.readVcpu(2)).to.equal(vcpu);
    expect(await source.openMemory(vcpu)).to.equal(memory);
  });

  it('is the only one', async () => {
    const error = await expectRejection(source.readVcpu(0));
    expect(error).to.include({ code: 'ERR_GUEST_USAGE', message: 'only vCPU 2 was kept, not vCPU 0' });
  });

  it('has no memory types: they are assumed', async () => {
    expect(await source.readMemoryTypes?.(vcpu)).to.deep.include({
      from: 'assumed',
      cause: { code: 'not-kept', register: 'memoryTypes' },
    });
  });
});
