import { expect } from 'chai';
import { GuestCpuError, type GuestSource, givenSource, StillGuest } from '../../../src/guest/index.ts';

const REGISTERS = { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n };

describe('guest/StillGuest', () => {
  it('is the same at each look, and closes what it comes from when it is left', async () => {
    let closed = 0;
    const given = givenSource({
      vcpus: [{ registers: REGISTERS }, { registers: REGISTERS }],
      memory: new Uint8Array(16),
    });
    const source: GuestSource = {
      ...given,
      [Symbol.dispose]: () => {
        closed += 1;
      },
    };
    const guest = new StillGuest(source, 'vm.dump');
    expect([guest.endpoint, guest.vcpus, guest.assumed, guest.running]).to.deep.equal([
      'vm.dump',
      [0, 1],
      [],
      undefined,
    ]);
    const view = await guest.look();
    expect(await guest.look()).to.equal(view);
    expect((await view.vcpuState(1)).cpu).to.equal(1);
    guest.requireCpu(1);
    expect(() => guest.requireCpu(2)).to.throw(GuestCpuError, 'there is no vCPU 2: this guest has vCPUs 0 to 1');
    expect(closed).to.equal(0);
    await guest.detach();
    expect(closed).to.equal(1);
  });
});
