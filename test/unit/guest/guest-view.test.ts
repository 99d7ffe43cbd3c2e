import { expect } from 'chai';
import {
  GuestAccessError,
  type GuestSource,
  GuestUsageError,
  GuestView,
  givenSource,
} from '../../../src/guest/index.ts';
import { openNpt, twoStageLinear } from '../../support/builders/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../support/builders/nested-space.ts';
import { TableBuilder } from '../../support/builders/table-builder.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { memoryOfPages } from '../../support/fakes/memory-of-pages.ts';

const PAGE = 0x1000n;
const FIRST = 0x40_0000n;

/** Two pages side by side that lie the other way round in memory, and none behind them. */
function source(): GuestSource {
  const tables = new TableBuilder('4-level', 0x1000n);
  tables.map(FIRST, 0x22_0000n);
  tables.map(FIRST + PAGE, 0x21_0000n);
  for (const [page, value] of [
    [0x22_0000n, 0x2222_2222_2222_2222n],
    [0x21_0000n, 0x1111_1111_1111_1111n],
  ] as const) {
    tables.memory.addPage(page);
    for (let at = 0n; at < PAGE; at += 8n) tables.memory.poke(page + at, 8, value);
  }
  const { map, memory } = memoryOfPages(tables.memory);
  const registers = { cr0: 0x8001_0011n, cr3: tables.root, cr4: 0x20n, efer: 0xd00n };
  return givenSource({ vcpus: [{ registers }], memory, regions: map.regions });
}

/** The same in a pause, which another client ends when the test says so. */
function paused(more: Partial<GuestSource> = {}): { readonly view: GuestView; end(): void; readonly asked: string[] } {
  const given = source();
  const asked: string[] = [];
  let isOver = false;
  const view = new GuestView({
    ...given,
    vcpus: given.vcpus,
    readVcpu: (cpu) => {
      asked.push('vcpu');
      return given.readVcpu(cpu);
    },
    openMemory: (vcpu) => {
      asked.push('memory');
      return given.openMemory(vcpu);
    },
    pause: {
      check: () => {
        if (isOver) throw new Error('the pause is over');
      },
    },
    ...more,
  });
  const end = (): void => {
    isOver = true;
  };
  return { view, asked, end };
}

describe('guest/GuestView', () => {
  it('reads bytes by linear addresses, over the end of a page', async () => {
    const bytes = await new GuestView(source()).readVirtual(FIRST + PAGE - 3n, 5);
    expect([...bytes]).to.deep.equal([0x22, 0x22, 0x22, 0x11, 0x11]);
  });

  it('says which address is not mapped, and reads none then', async () => {
    const error = await expectRejection(new GuestView(source()).readVirtual(FIRST + 2n * PAGE - 2n, 4));
    expect(error).to.be.instanceOf(GuestAccessError);
    expect(error).to.have.property(
      'message',
      '4 bytes at virtual address 0x401ffe cannot be read: 0x402000 is not mapped',
    );
    expect(error).to.have.deep.property('access', {
      ...{ operation: 'read', space: 'virtual', address: FIRST + 2n * PAGE - 2n, lengthBytes: 4 },
      problemAddress: FIRST + 2n * PAGE,
    });
  });

  it('writes nothing where the source cannot be written', async () => {
    for (const write of [
      new GuestView(source()).writeVirtual(FIRST, Uint8Array.of(1)),
      new GuestView(source()).writePhysical(0x22_0000n, Uint8Array.of(1)),
    ]) {
      expect(await expectRejection(write)).to.be.instanceOf(GuestUsageError);
    }
  });

  it('keeps what walks rest on, through one stage and through two: the answers are the same when nothing can be read', async () => {
    const access = { write: false, user: false, exec: false };
    const nested = nestedSpace(nestedVcpuStateWith(), openNpt).space;
    const twoStages: GuestSource = {
      vcpus: [0],
      readVcpu: async () => ({ state: nested.state, map: nested.map }),
      openMemory: async () => ({ memory: nested.memory, report: { provider: 'gdb-stub', attempts: [] } }),
      pause: { check: () => {} },
    };
    for (const [view, address] of [
      [paused().view, FIRST + 5n],
      [new GuestView(twoStages), twoStageLinear],
    ] as const) {
      const kept = await view.keep([BigUint64Array.of(address)], access);
      if (kept === null) throw new Error('it is not too much to keep');
      const requests = [{ linearAddress: address, access }];
      const [expected] = await view.translate(requests);
      const [answer] = await kept.translate(requests);
      expect(expected?.translation.kind).to.equal('mapped');
      expect(answer?.translation).to.deep.equal(expected?.translation);
      expect(answer?.nested).to.deep.equal(expected?.nested);
    }
  });

  const questions: Readonly<Record<string, (view: GuestView) => Promise<unknown>>> = {
    vcpuState: (view) => view.vcpuState(),
    memoryMap: (view) => view.memoryMap(),
    memoryTypes: (view) => view.memoryTypes(),
    memoryReport: (view) => view.memoryReport(),
    translate: (view) => view.translate([{ linearAddress: FIRST, access: { write: false, user: false, exec: false } }]),
    translateMany: (view) => view.translateMany(BigUint64Array.of(FIRST), { write: false, user: false, exec: false }),
    snapshot: (view) => view.snapshot(),
    mapRanges: (view) => view.mapRanges(() => true),
    findAliases: (view) => view.findAliases({ first: 0x22_0000n, last: 0x22_0000n }, () => true),
    readPhysical: (view) => view.readPhysical(0x22_0000n, 8),
    readVirtual: (view) => view.readVirtual(FIRST, 8),
  };
  for (const [name, ask] of Object.entries(questions)) {
    it(`${name} answers in a pause, and nothing is asked any more when it is over`, async () => {
      const { view, asked, end } = paused();
      await ask(view);
      end();
      const before = asked.length;
      expect((await expectRejection(ask(view))).message).to.equal('the pause is over');
      expect(asked).to.have.length(before);
      const never = paused();
      never.end();
      expect((await expectRejection(ask(never.view))).message).to.equal('the pause is over');
      expect(never.asked, 'not even the registers').to.deep.equal([]);
    });

    it(`${name} gives no answer where the pause ends while it is asked`, async () => {
      const given = source();
      // Whatever it reads last before it answers.
      const ended = paused({
        readVcpu: async (cpu) => {
          const vcpu = await given.readVcpu(cpu);
          ended.end();
          return vcpu;
        },
      });
      expect((await expectRejection(ask(ended.view))).message).to.equal('the pause is over');
    });
  }
});
