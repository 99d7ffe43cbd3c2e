import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { type GuestTranslation, GuestUsageError } from '../../../src/guest/index.ts';
import { rehearse, rehearseHostMemory } from '../../../src/guest/internal.ts';

const WRITE = { write: true, user: false, exec: false };
const ALL_FLAGS = { setAccessed: true, setDirty: true, forceSetAccessed: true };

describe('a rehearsal', () => {
  async function translate(linearAddress: bigint): Promise<GuestTranslation> {
    let answer: GuestTranslation | undefined;
    await rehearse(async (view) => {
      [answer] = await view.translate([{ linearAddress, access: WRITE, flags: ALL_FLAGS }]);
    }, false);
    if (answer === undefined) throw new Error('the rehearsal came to no answer');
    return answer;
  }

  it('runs a translation to its end, and sets bits in four tables, wherever an address is', async () => {
    for (const address of [0xffff_8000_0000_1234n, 0x40_1234n]) {
      const { translation, wrote, assumed } = await translate(address);
      expect(translation.kind, String(address)).to.equal('mapped');
      expect(wrote, String(address)).to.have.length(4);
      expect(assumed, String(address)).to.deep.equal([]);
    }
  });

  it('reads what only the device state has, for a page that users may read', async () => {
    let from: string | undefined;
    await rehearse(async (view) => {
      from = (await view.vcpuState()).pkru.from;
    }, false);
    expect(from).to.equal('device-state');
  });

  it('shows a map, and reads all tables of an address space', async () => {
    let tablePages = 0;
    let regions = 0;
    await rehearse(async (view) => {
      regions = (await view.memoryMap()).regions.length;
      await view.memoryReport();
      ({ tablePages } = await view.snapshot());
    }, false);
    expect({ tablePages, regions }).to.deep.equal({ tablePages: 4, regions: 5 });
  });

  it('reads a piece of this process as it would read a guest, and leaves nothing open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    expect(await rehearseHostMemory()).to.equal('host-process');
    expect(readdirSync('/proc/self/fd').length).to.equal(before);
  });

  it('has no memory on this host, and none that may be written', async () => {
    let report: unknown;
    let refusal: unknown;
    await rehearse(async (view) => {
      report = await view.memoryReport();
      refusal = await view.writePhysical(0x2000n, Uint8Array.of(1)).catch((error: unknown) => error);
    }, false);
    expect(report).to.deep.equal({ provider: 'gdb-stub', attempts: [] });
    expect(refusal).to.be.instanceOf(GuestUsageError);
  });

  it('is not disturbed by a question that fails: the guest itself says what is wrong', async () => {
    await rehearse(() => Promise.reject(new Error('no such thing')), false);
    await rehearse((view) => view.vcpuState(7), false);
  });
});
