import { expect } from 'chai';
import { findDeviation } from '../../../../src/guest/answers/deviation.ts';
import { sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { contextOf, machineProfile, type VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { type EntrySource, translate } from '../../../../src/paging/index.ts';
import { formatDeviation } from '../../../../src/report/index.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ = { write: false, user: false, exec: false };

function entries(values: Readonly<Record<number, bigint>>): EntrySource {
  return { readEntry: (address) => values[Number(address)] ?? null };
}

function deviation(replaced: Partial<VcpuState>, memory: EntrySource, address = 0n, access = READ): string | null {
  const state = vcpuStateWith(replaced);
  const answer = translate(contextOf(state), memory, address, access);
  const onMachine = translate(contextOf(state, machineProfile(state)), memory, address, access);
  const found = findDeviation(state, answer, onMachine);
  return found && formatDeviation(found);
}

const TCG: Partial<VcpuState> = { accelerator: sourced('tcg', 'monitor', 'query-kvm') };
const RESERVED = entries({ 4096: 0x8_0000_0000_2007n });

describe('where the machine would answer otherwise', () => {
  it('nothing is said where it would not', () => {
    const page = entries({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n, 16384: 0x5007n });
    expect(deviation({}, page)).to.equal(null);
    expect(deviation(TCG, page)).to.equal(null);
    expect(deviation(TCG, entries({ 4096: 0n }))).to.equal(null);
  });

  it('names the machine, its exception and its error code', () => {
    expect(deviation(TCG, RESERVED)).to.match(/^QEMU 7\.2\.22's TCG raises #PF with error code 0x8 \(reserved bit 51/);
    expect(deviation({}, RESERVED), "KVM's walker has it right").to.equal(null);
  });

  it('names where it leads, if the machine lets the access pass', () => {
    const large = { ...TCG, pdpe1gb: sourced(false, 'qom', 'cpu.pdpe1gb') };
    expect(deviation(large, entries({ 4096: 0x2007n, 8192: 0x4000_0087n }), 0x1234n)).to.equal(
      "QEMU 7.2.22's TCG maps it to 0x40001234",
    );
  });

  it('speaks of KVM’s own walker', () => {
    const answer = deviation({}, entries({ 6144: 0n }), 0x5000_0000_0000_0000n);
    expect(answer).to.match(/^KVM's walker /);
  });

  it('is silent on a table that no memory holds', () => {
    expect(deviation(TCG, entries({}))).to.equal(null);
  });

  it('names #SS and #GP', () => {
    const onStack = { ...READ, segment: 'ss' } as const;
    const address = 0x5000_0000_0000_0000n;
    expect(deviation(TCG, entries({}), address, onStack)).to.match(/TCG raises #GP with error code 0x0/);
  });
});
