import { expect } from 'chai';
import { namesOf } from '../../../../../src/cli/commands/state/list-vcpus.ts';
import { sourced } from '../../../../../src/guest/vcpu/sourced.ts';
import type { Linux } from '../../../../../src/linux/index.ts';
import { vcpuStateWith } from '../../../../support/fakes/sourced-state.ts';

const SYMBOL = { name: 'do_idle', address: 0xffff_ffff_8100_0000n, type: 't', module: null } as const;

/** A Linux that is asked about one root and one address. */
function linuxOf(root: bigint, address: bigint): Pick<Linux, 'nearest' | 'ownerOf'> {
  return {
    ownerOf: async (cr3) => (cr3 === root ? { kind: 'kernel' } : null),
    nearest: async (place) => (place === address ? { symbol: SYMBOL, offsetBytes: 0x10, sizeBytes: 0x20 } : null),
  };
}

const at = (offset: bigint, base: bigint) => {
  const of = (value: bigint) => sourced(value, 'gdb-stub', 'a register');
  return vcpuStateWith({ position: { rip: of(offset), csBase: of(base), cr2: of(0n) } });
};

describe('cli/namesOf', () => {
  it('asks whose tables they are, and what lies at CS:RIP as a linear address', async () => {
    const linux = linuxOf(0x5000n, 0x1_0010n) as Linux;
    expect(await namesOf(at(0x10n, 0x1_0000n), 0x5000n, linux)).to.deep.equal({
      owner: { kind: 'kernel' },
      place: { symbol: SYMBOL, offsetBytes: 0x10, sizeBytes: 0x20 },
    });
    expect(await namesOf(at(0x11n, 0x1_0000n), 0x6000n, linux)).to.deep.equal({ owner: null, place: null });
  });

  it('has no place where the source does not say where the code is, and nothing without a Linux', async () => {
    const { position: _, ...state } = at(0n, 0n);
    expect(await namesOf(state, 0x5000n, linuxOf(0x5000n, 0n) as Linux)).to.deep.equal({
      owner: { kind: 'kernel' },
      place: null,
    });
    expect(await namesOf(state, 0x5000n, null)).to.deep.equal({});
  });
});
