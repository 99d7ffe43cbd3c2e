import { expect } from 'chai';
import { answerRequests } from '../../../src/guest/answer-requests.ts';
import type { GuestTranslation } from '../../../src/guest/guest-translation.ts';
import { sourced } from '../../../src/guest/sourced.ts';
import type { VcpuState } from '../../../src/guest/vcpu-state.ts';
import type { Access } from '../../../src/paging/index.ts';
import { hex } from '../../support/describe-translation.ts';
import { nestedEntry, openNpt, twoStageLinear } from '../../support/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../support/nested-space.ts';

const READ: Access = { write: false, user: false, exec: false };

type Entries = Readonly<Record<string, bigint>>;

async function ask(
  state: VcpuState,
  changes: Entries = {},
  linearAddress = twoStageLinear,
  access = READ,
): Promise<GuestTranslation> {
  const { space } = nestedSpace(state, { ...openNpt, ...changes });
  const [answer] = await answerRequests([{ linearAddress, access }], space);
  if (answer === undefined) throw new Error('there is no answer');
  return answer;
}

describe('an answer about the guest of a guest', () => {
  describe('has the address that the first stage looks up, without a tag', () => {
    const tagged = twoStageLinear | 0x5a00_0000_0000_0000n;
    const lamU57 = 1n << 61n;
    const uaie = 1n << 20n;
    const masking: Readonly<Record<string, Partial<VcpuState>>> = {
      LAM: {
        vendor: sourced('intel', 'qom', 'cpu.vendor'),
        cr3: sourced(0x1000n | lamU57, 'gdb-stub', 'register cr3'),
      },
      UAI: { efer: sourced(0xd00n | uaie, 'gdb-stub', 'register efer') },
    };
    const endings: Readonly<Record<string, Entries>> = {
      'where both stages lead somewhere': {},
      'where the second stage has not the page': { [nestedEntry.ofData]: 0n },
      'where the second stage has not the root': { [nestedEntry.ofPml4]: 0n },
      'where the guest has not the page': { '0x24c48': 0n },
    };
    for (const [name, replaced] of Object.entries(masking)) {
      for (const [ending, changes] of Object.entries(endings)) {
        it(`${name}, ${ending}`, async () => {
          const { translation } = await ask(nestedVcpuStateWith(replaced), changes, tagged);
          expect(hex(translation.linearAddress)).to.equal(hex(tagged));
          expect(hex(translation.untaggedAddress)).to.equal(hex(twoStageLinear));
        });
      }
    }

    it('and with it where nothing takes it off', async () => {
      const off = 0x1_2345n;
      const paging = { cr0: sourced(0x11n, 'gdb-stub', 'register cr0') };
      const { translation } = await ask(nestedVcpuStateWith(paging), {}, off);
      expect(translation.kind).to.equal('fault');
      expect(hex(translation.untaggedAddress)).to.equal(hex(off));
    });
  });
});
