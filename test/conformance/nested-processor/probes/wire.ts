import { CR2_BEFORE } from '../../processor-rig/layout.ts';
import type { RigMemory } from '../../processor-rig/memory/rig-memory.ts';
import { DESCRIPTOR_OFFSET, placeOfCode, raxBefore } from './expected-outcome.ts';
import type { Probe } from './probe.ts';
import type { SvmRecord, SvmResult } from './record.ts';

/** A probe as the hypervisor is told. */
export function toRecord(probe: Probe, memory: RigMemory): SvmRecord {
  const { kind, linear, cr3, nestedCr3, host, guest, is64Bit, expected } = probe;
  return {
    hostCr0: host.cr0,
    hostCr4: host.cr4,
    hostEfer: host.efer,
    pkru: guest.pkru,
    pkrs: guest.pkrs,
    nestedCr3,
    user: kind.user,
    is64Bit,
    cr0: guest.cr0,
    cr3,
    cr4: guest.cr4,
    efer: guest.efer,
    rflags: guest.flags,
    rip: kind.does === 'fetch' ? linear : placeOfCode(kind, is64Bit),
    rax: raxBefore(kind, linear),
    gdt: kind.does === 'implicit' ? BigInt.asUintN(is64Bit ? 64 : 32, linear - DESCRIPTOR_OFFSET) : 0n,
    samples: expected.samples.map(({ address }) => memory.seenAt(address)),
  };
}

/** What the hypervisor must write of a probe if the walker is right. The guest has no way to change CR2: no exception is its own. */
export function toResult({ kind, expected }: Probe, left: number): SvmResult {
  const { exitCode, exitInfo1, exitInfo2, rip, rax, samples } = expected;
  return {
    exitCode,
    exitInfo1,
    exitInfo2,
    exitInterrupt: 0n,
    rip,
    rax,
    cr2: CR2_BEFORE,
    cpl: kind.user ? 3 : 0,
    samples: samples.map(({ after }) => after),
    left,
  };
}
