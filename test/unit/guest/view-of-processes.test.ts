import { expect } from 'chai';
import { type GuestSource, GuestView, MemoryMap } from '../../../src/guest/index.ts';
import type { Assumption } from '../../../src/guest/vcpu/assumption.ts';
import {
  KernelMemo,
  type KernelNames,
  type KnownKernels,
  makeColumns,
  SymbolTable,
} from '../../../src/linux/internal.ts';
import type { Access } from '../../../src/paging/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { FakeMemory } from '../../support/fakes/fake-memory.ts';
import { region } from '../../support/fakes/region.ts';
import { vcpuStateWith } from '../../support/fakes/sourced-state.ts';
import { buildBtf } from '../../support/linux/build-btf.ts';

const READ: Access = { write: false, user: false, exec: false };
const USER: Access = { ...READ, user: true };

const TEXT = 0xffff_ffff_8100_0000n;
const DATA = TEXT + 0x40_0000n;
const DATA_AT = 0x60_0000;
const NO_EXECUTE = 1n << 63n;
const SHELL = { pid: 91, name: 'bash' };

/**
 * Entries of a kernel with 2 MB of text, 2 MB of read-only data and four pages of other data, and of a process whose two roots lead
 * its address 0x1000 to different pages.
 */
const ENTRIES: Readonly<Record<number, bigint>> = {
  [0x1000 + 511 * 8]: 0x2003n,
  [0x2000 + 510 * 8]: 0x3003n,
  [0x3000 + 8 * 8]: 0x20_0081n,
  [0x3000 + 9 * 8]: 0x40_0081n | NO_EXECUTE,
  [0x3000 + 10 * 8]: 0x4003n,
  [0x4000]: 0x60_0003n | NO_EXECUTE,
  [0x4008]: 0x60_1003n | NO_EXECUTE,
  [0x4010]: 0x60_2003n | NO_EXECUTE,
  [0x4018]: 0x60_3003n | NO_EXECUTE,
  // The root that the kernel uses for the process, and the one of user mode behind it.
  [0x60_2000]: 0x5007n,
  [0x60_2000 + 511 * 8]: 0x2003n,
  [0x5000]: 0x6007n,
  [0x6000]: 0x7007n,
  [0x7008]: 0x8007n,
  [0x60_3000]: 0x9007n,
  [0x9000]: 0xa007n,
  [0xa000]: 0xb007n,
  [0xb008]: 0xc007n,
};

const BTF = buildBtf({
  task_struct: { tasks: 0, pid: 0x10, tgid: 0x18, comm: 0x20, mm: 0x30, __state: 0x38, exit_state: 0x40 },
  mm_struct: { pgd: 0x10 },
  cpuinfo_x86: { x86_capability: 0 },
});

const NAMES: KernelNames = {
  ...{ wordBytes: 8, textFirst: TEXT, layout: null, banner: 'Linux version 6.1.0', missing: [] },
  symbols: new SymbolTable(
    makeColumns([
      { name: '_stext', type: 'T', address: TEXT },
      { name: 'init_task', type: 'D', address: DATA },
      { name: 'boot_cpu_data', type: 'D', address: DATA + 0x1000n },
    ]),
  ),
  btf: BTF,
  buildId: { id: 'ab12', address: TEXT + 0x20_0100n, lengthBytes: 2 },
};

function memoryOf(isIsolated: boolean): FakeMemory {
  const memory = new FakeMemory(0x61_0000);
  for (const [at, value] of Object.entries(ENTRIES)) memory.setEntry(Number(at), value);
  memory.bytes.set([0xab, 0x12], 0x40_0100);
  const shell = DATA_AT + 0x100;
  memory.setEntry(DATA_AT, DATA + 0x100n);
  memory.setEntry(shell, DATA);
  memory.setEntry(shell + 0x10, BigInt(SHELL.pid));
  memory.setEntry(shell + 0x18, BigInt(SHELL.pid));
  memory.bytes.set(Buffer.from(SHELL.name), shell + 0x20);
  memory.setEntry(shell + 0x30, DATA + 0x200n);
  memory.setEntry(DATA_AT + 0x200 + 0x10, DATA + 0x2000n);
  // X86_FEATURE_PTI: word 7, bit 11.
  if (isIsolated) memory.bytes[DATA_AT + 0x1000 + 4 * 7 + 1] = 1 << 3;
  return memory;
}

interface Made {
  readonly view: GuestView;
  readonly memory: FakeMemory;
}

function made(isIsolated = true): { readonly memory: FakeMemory; readonly map: MemoryMap } {
  return { memory: memoryOf(isIsolated), map: new MemoryMap([region('ram', 0n, 0x60_ffffn)]) };
}

function make(more: Partial<GuestSource> = {}, isIsolated = true): Made {
  const { memory, map } = made(isIsolated);
  const kernels = new KernelMemo();
  kernels.keep(NAMES);
  const view = new GuestView({
    vcpus: [0, 1],
    readVcpu: async (cpu) => ({ state: vcpuStateWith({ cpu }), map }),
    openMemory: async () => ({ memory, report: { provider: 'gdb-stub', attempts: [] } }),
    kernels,
    ...more,
  });
  return { view, memory };
}

const paused: Partial<GuestSource> = { pause: { check: () => {} } };

describe('the address space of a process, with page-table isolation', () => {
  for (const process of [SHELL.pid, SHELL.name]) {
    it(`is the half that is in use at each access (${process})`, async () => {
      const { view } = make();
      const accesses = [USER, READ, READ, USER, { ...USER, write: true }, { ...READ, exec: true }];
      const requests = accesses.map((access, at) => ({ linearAddress: 0x1000n + BigInt(at), access }));
      const answers = await view.translate(requests, { process });
      expect(answers.map(({ request }) => request.linearAddress)).to.deep.equal(
        requests.map(({ linearAddress }) => linearAddress),
      );
      expect(
        answers.map(({ translation }) => translation.kind === 'mapped' && Number(translation.physicalAddress)),
      ).to.deep.equal([0xc000, 0x8001, 0x8002, 0xc003, 0xc004, 0x8005]);
    });
  }

  it('is the half of the one access of many addresses', async () => {
    const { view } = make();
    const addresses = BigUint64Array.of(0x1000n, 0x1001n);
    const scope = { process: SHELL.pid };
    expect((await view.translateMany(addresses, USER, scope)).physicalAddress(1)).to.equal(0xc001n);
    expect((await view.translateMany(addresses, READ, scope)).physicalAddress(1)).to.equal(0x8001n);
  });

  it('is kept by the access, too', async () => {
    for (const [access, root, physical] of [
      [USER, 0x60_3000n, 0xc000n],
      [READ, 0x60_2000n, 0x8000n],
    ] as const) {
      const { view } = make(paused);
      const kept = await view.keep([BigUint64Array.of(0x1000n)], access, { process: SHELL.pid });
      const table = await kept?.translateMany(BigUint64Array.of(0x1000n), access, { cr3: root });
      expect(table?.physicalAddress(0)).to.equal(physical);
    }
  });

  it('is the kernel’s half where there is no access', async () => {
    const { view } = make();
    const scope = { process: SHELL.name };
    expect((await view.snapshot(scope)).context.root).to.equal(0x60_2000n);
    expect((await view.scopedState(scope)).cr3.value).to.equal(0x60_2000n);
    expect((await view.scopedState(scope, 'kernel')).cr3.value).to.equal(0x60_2000n);
    expect((await view.scopedState(scope, 'user')).cr3.value).to.equal(0x60_3000n);
    const written = make();
    written.memory.bytes.set([1, 2, 3], 0x8000);
    expect([...(await written.view.readVirtual(0x1000n, 3, scope))]).to.deep.equal([1, 2, 3]);
  });

  it('has the rest of the scope', async () => {
    const { view } = make();
    const [answer] = await view.translate([{ linearAddress: 0x1000n, access: READ }], { process: SHELL.pid, cpu: 1 });
    expect(answer?.cpu).to.equal(1);
    expect((await expectRejection(view.translate([], { process: 92 }))).message).to.match(/^no process has pid 92/);
  });
});

describe('the address space of a process, without page-table isolation', () => {
  it('is one for all accesses', async () => {
    const { view } = make({}, false);
    const requests = [USER, READ].map((access) => ({ linearAddress: 0x1000n, access }));
    const answers = await view.translate(requests, { process: SHELL.pid });
    expect(
      answers.map(({ translation }) => translation.kind === 'mapped' && translation.physicalAddress),
    ).to.deep.equal([0x8000n, 0x8000n]);
    expect((await view.scopedState({ process: SHELL.pid }, 'user')).cr3.value).to.equal(0x60_2000n);
  });
});

describe('the Linux of a guest', () => {
  const moment: Assumption = { name: 'moment', value: null, cause: { code: 'ran-while-read' }, decides: true };
  const leftOut: Assumption = { name: 'leftOut', value: null, cause: { code: 'left-out' }, decides: true };

  it('has the names that were kept, and says whether the guest ran while it was read', async () => {
    const { view } = make();
    const linux = await view.linux();
    expect([linux.banner, linux.takenLive]).to.deep.equal([NAMES.banner, false]);
    expect((await linux.rootOf(SHELL.pid, 'user')).root).to.equal(0x60_3000n);
    expect((await make({ notes: [leftOut] }).view.linux()).takenLive).to.equal(false);
    expect((await make({ notes: [leftOut, moment] }).view.linux(1)).takenLive).to.equal(true);
  });

  it('is that of the first vCPU unless another is named', async () => {
    const { view } = make({ vcpus: [0] });
    expect((await view.linux()).banner).to.equal(NAMES.banner);
    const kernels = new KernelMemo();
    kernels.keep(NAMES);
    expect((await view.lookForLinux(kernels)).kernel).to.deep.equal({ names: NAMES });
  });

  it('has the names that it can be read by where none were kept', async () => {
    const { memory, map } = made();
    const view = new GuestView({
      vcpus: [0],
      readVcpu: async (cpu) => ({ state: vcpuStateWith({ cpu }), map }),
      openMemory: async () => ({ memory, report: { provider: 'gdb-stub', attempts: [] } }),
    });
    const linux = await view.linux();
    expect([linux.names.textFirst, linux.names.symbols, linux.banner]).to.deep.equal([TEXT, null, null]);
  });

  it('cannot be named where the names that were kept are gone', async () => {
    const kernels: KnownKernels = {
      at: () => [
        {
          textFirst: TEXT,
          buildId: { id: 'ab12', address: TEXT + 0x20_0100n, lengthBytes: 2 },
          names: null,
          load: () => null,
        },
      ],
      keep: () => {},
    };
    const failure = await expectRejection(make({ kernels }).view.linux());
    expect(failure).to.include({ code: 'ERR_LINUX_DATA' });
    expect(failure.message).to.match(/the names that were kept of it are gone$/);
  });

  it('is looked for in a vCPU that there is, and in a pause that lasts', async () => {
    const { view } = make({ vcpus: [0] });
    expect(await expectRejection(view.linux(1))).to.include({ code: 'ERR_GUEST_CPU' });
    let isOver = false;
    const ended = make({
      pause: {
        check: () => {
          if (isOver) throw new Error('the pause is over');
        },
      },
      checkStages: () => {
        isOver = true;
      },
    });
    expect((await expectRejection(ended.view.linux())).message).to.equal('the pause is over');
  });

  it('is read through pages of its own, once', async () => {
    const { view, memory } = make();
    await view.linux();
    const flights = memory.flights.length;
    const linux = await view.linux();
    expect(memory.flights).to.have.length(flights);
    await linux.process(SHELL.pid);
    const read = memory.flights.length;
    await (await view.linux()).process(SHELL.name);
    expect(memory.flights).to.have.length(read);
  });
});
