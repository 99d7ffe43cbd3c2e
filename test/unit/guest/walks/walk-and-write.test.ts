import { expect } from 'chai';
import { answerRequests } from '../../../../src/guest/answers/answer-requests.ts';
import type { GuestTranslation } from '../../../../src/guest/answers/guest-translation.ts';
import { sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { Space } from '../../../../src/guest/walks/space.ts';
import { guestEntry, openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import type { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';
import { hex } from '../../../support/judge/describe-translation.ts';

const WRITE = {
  access: { write: true, user: false, exec: false },
  flags: { setAccessed: true, setDirty: true, forceSetAccessed: false },
};
/** An available bit: it changes nothing but the entry. */
const AVAILABLE = 1n << 9n;

/** Changes an entry behind each walk: it is not what the walk saw any more. */
function restless(space: Space, memory: FakeMemory, entry: number, times: number): Space {
  const { writable } = space;
  if (writable === undefined) throw new Error('nothing may be written');
  let left = times;
  return {
    ...space,
    writable: {
      write: (address, bytes) => writable.write(address, bytes),
      read: (pieces) => {
        if (left > 0 && pieces.some(({ address }) => address === entry)) {
          left -= 1;
          memory.setEntry(entry, BigInt(memory.entry(entry)) ^ AVAILABLE);
        }
        return writable.read(pieces);
      },
    },
  };
}

const nestedState = nestedVcpuStateWith();
/** The guest's tables by the host's addresses, for a vCPU that has them to itself. */
const ownTables = {
  [guestEntry.pml4e]: 0x2_2007n,
  [guestEntry.pdpte]: 0x2_3007n,
  [guestEntry.pde]: 0x2_4007n,
  [guestEntry.pte]: 0x2_5007n,
};
const ownState = vcpuStateWith({ cr3: sourced(0x2_1000n, 'gdb-stub', 'register cr3') });
const pteAddress = Number(guestEntry.pte);

describe('a walk whose entries change before its bits are set', () => {
  const stages = {
    'through two stages': () => nestedSpace(nestedState, { ...openNpt, [guestEntry.pte]: 0x5007n }),
    'through one': () => nestedSpace(ownState, ownTables),
  };
  for (const [name, make] of Object.entries(stages)) {
    async function ask(times: number): Promise<{ readonly answer: GuestTranslation; readonly pte: bigint }> {
      const { space, memory } = make();
      const requests = [{ linearAddress: twoStageLinear, ...WRITE }];
      const [answer] = await answerRequests(requests, restless(space, memory, pteAddress, times));
      if (answer === undefined) throw new Error('there is no answer');
      return { answer, pte: BigInt(memory.entry(pteAddress)) };
    }

    it(`is made again (${name})`, async () => {
      const { answer, pte } = await ask(2);
      expect(answer.translation.kind).to.equal('mapped');
      expect(answer.bitsAreSet).to.equal(true);
      expect(hex(pte & 0x60n)).to.equal('0x60');
      expect(hex(answer.translation.steps.at(-1)?.value ?? 0n), 'what the last walk saw').to.equal(hex(pte & ~0x60n));
    });

    it(`is made three times at most (${name})`, async () => {
      const { answer, pte } = await ask(3);
      expect(answer.bitsAreSet).to.equal(false);
      expect(hex(pte & 0x60n)).to.equal('0x0');
    });

    it(`is not made for ever (${name})`, async () => {
      const { answer, pte } = await ask(100);
      expect(answer.bitsAreSet).to.equal(false);
      expect(answer.wrote.map(({ address }) => Number(address))).not.to.include(
        Number(answer.translation.steps.at(-1)?.address),
      );
      expect(hex(pte & 0x60n)).to.equal('0x0');
    });
  }
});
