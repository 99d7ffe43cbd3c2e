import { expect } from 'chai';
import type { TranslateScope } from '../../../../src/guest/answers/guest-translation.ts';
import { GuestView } from '../../../../src/guest/guest-view.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { keptSource } from '../../../../src/guest/source/kept-source.ts';
import { assumedHiddenRegisters, type HiddenRegisters } from '../../../../src/guest/vcpu/hidden-registers.ts';
import { parseOverride } from '../../../../src/guest/vcpu/overrides.ts';
import { notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import type { Access } from '../../../../src/paging/index.ts';
import { formatAssumption } from '../../../../src/report/index.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const RAM_BYTES = 0x10_000;
const READ: Access = { write: false, user: false, exec: false };
const USER_PAGE = 0n;
const SUPERVISOR_PAGE = 0x1000n;

/** Entries, by where they are. */
const TABLES: Readonly<Record<string, bigint>> = {
  // The root of 4-level paging.
  4096: 0x2007n,
  8192: 0x3007n,
  12288: 0x4007n,
  16384: 0x5007n,
  16392: 0x6003n,
  // A root of PAE paging that shares its PD; another that has its own; and the PD that the PDPTE registers lead to.
  32768: 0x3001n,
  45056: 0xc001n,
  49152: 0xd007n,
  53248: 0x7007n,
  36864: 0xa007n,
  40960: 0xe007n,
};

/** What the vCPU holds, whatever its modes use: key 0 denies every access. */
const HELD: HiddenRegisters = {
  pkru: sourced(1, 'device-state', ''),
  pkrs: sourced(1, 'device-state', ''),
  pdptes: sourced([0x9001n, 0n, 0n, 0n], 'device-state', ''),
  nested: sourced(null, 'device-state', ''),
  hypervisorSmep: notInUse(false, { code: 'smep-decides-nothing' }),
};

interface Question {
  readonly state?: Partial<VcpuState>;
  readonly held?: HiddenRegisters;
  readonly address?: bigint;
  readonly scope?: TranslateScope;
}

/** @returns where the address leads, or why not; how often hidden registers were read; what was assumed */
async function ask(
  set: readonly string[],
  { state, held = HELD, address = 0n, scope }: Question = {},
): Promise<string> {
  const memory = new FakeMemory(RAM_BYTES);
  for (const [at, value] of Object.entries(TABLES)) memory.setEntry(Number(at), value);
  let reads = 0;
  const readHidden = () => {
    reads += 1;
    return Promise.resolve(held);
  };
  const map = new MemoryMap([region('ram', 0n, BigInt(RAM_BYTES - 1))]);
  const report = { provider: 'gdb-stub', attempts: [] } as const;
  const guest = new GuestView(keptSource({ state: vcpuStateWith(state), map, readHidden }, { memory, report }, [0]));
  const request = { linearAddress: address, access: { ...READ, user: address === USER_PAGE } };
  const [answer] = await guest.translate([request], { ...scope, overrides: set.map(parseOverride) });
  if (answer === undefined) return 'no answer';
  const { translation, assumed } = answer;
  const outcome =
    translation.kind === 'mapped'
      ? `0x${translation.physicalAddress.toString(16)}`
      : `${translation.cause} ${translation.errorCode?.toString(16)}`;
  return [outcome, `${reads} read`, ...assumed.map(formatAssumption)].join('; ');
}

const read = (value: bigint) => sourced(value, 'gdb-stub', '');
/** PAE paging, with CR4.PKE=1, which has no effect there. */
const PAE = { cr3: read(0x8000n), cr4: read(0x40_0020n), efer: read(0n) };
const SVME = 1n << 12n;

describe('a "what if" question about state that the mode of the vCPU does not use', () => {
  it('is judged by the PKRS that the vCPU holds', async () => {
    const supervisor = { address: SUPERVISOR_PAGE };
    expect(await ask([], supervisor)).to.equal('0x6000; 0 read');
    expect(await ask(['CR4.PKS=1'], supervisor)).to.equal('privilege-violation 21; 1 read');
    expect(await ask(['CR4.PKS=1', 'PKRS=0'], supervisor), 'given, so not read').to.equal('0x6000; 0 read');
    expect(await ask(['CR4.PKS=1']), 'a user page has no use for it').to.equal('0x5000; 0 read');
  });

  it('is judged by the PKRU that the vCPU holds', async () => {
    expect(await ask([])).to.equal('0x5000; 0 read');
    expect(await ask(['CR4.PKE=1'])).to.equal('privilege-violation 25; 1 read');
    expect(await ask(['EFER.LMA=1', 'CR3=0x1000'], { state: PAE })).to.equal('privilege-violation 25; 1 read');
  });

  it('says what could not be read, and does not take it for 0 in silence', async () => {
    const held = assumedHiddenRegisters((register) => ({ code: 'not-kept', register }));
    expect(await ask(['CR4.PKE=1'], { held })).to.equal(
      '0x5000; 1 read; PKRU=0x0 (PKRU was not kept); the outcome depends on it',
    );
  });

  it('takes PDPTEs from the registers only where the vCPU has loaded these', async () => {
    expect(await ask([], { state: PAE })).to.equal('0xe000; 1 read');
    expect(await ask(['CR4.SMEP=1'], { state: PAE })).to.equal('0xe000; 1 read');
    expect(await ask(['CR3=0xb000'], { state: PAE }), 'another address space').to.equal('0x7000; 0 read');
    expect(await ask([], { state: PAE, scope: { cr3: 0xb000n } })).to.equal('0x7000; 0 read');
    const wasLong = { cr3: read(0x8000n) };
    expect(await ask(['EFER.LMA=0'], { state: wasLong }), 'loaded by the switch').to.equal('0x5000; 0 read');
  });

  it('is still about the nested guest that the vCPU runs, unless the question names the second stage', async () => {
    const state = { efer: read(0xd00n | SVME) };
    const held: HiddenRegisters = { ...HELD, nested: sourced({ kind: 'ept', eptp: 0xf01en }, 'device-state', '') };
    // The table at 0xf000 is empty.
    expect(await ask([], { state, held })).to.equal('unbacked-table undefined; 1 read');
    expect(await ask(['EFER=0xd00'], { state, held })).to.equal('unbacked-table undefined; 1 read');
    expect(await ask([], { state, held, scope: { nested: null } })).to.equal('0x5000; 0 read');
  });
});
