import { GdbClient } from '../../protocols/gdb/index.ts';
import { KernelMemo } from '../linux/internal.ts';
import { GuestView } from './guest-view.ts';
import { HostPlaces } from './memory/host/host-places.ts';
import { MemoryMapMemo } from './qemu/memory-map-memo.ts';
import { PausedSource, type QemuParts } from './qemu/paused-source.ts';
import { rehearseHostMemory } from './rehearsal/rehearse-host-memory.ts';
import { SCRIPTED_CPUS, SCRIPTED_PROCESSOR, scriptedLink } from './rehearsal/scripted-link.ts';
import { connectScriptedStub } from './rehearsal/scripted-stub.ts';
import type { SourceMemory, SourceVcpu } from './source/guest-source.ts';
import { StubSession } from './stub/stub-session.ts';

/** Nothing is waited for in this process. Milliseconds. */
const TIMEOUT_MS = 1000;

/**
 * Asks a guest that is nothing but a script what a guest is going to be asked when it is paused. Code that runs for the first time
 * takes ten times as long as later; so that happens while no guest waits for it. What comes of it does not matter, and no failure.
 *
 * @param ask - the question
 * @param hostMemory - whether memory of the guest may be read on this host
 * @internal
 */
export async function rehearse(ask: (view: GuestView) => Promise<unknown>, hostMemory: boolean): Promise<void> {
  const connection = connectScriptedStub();
  try {
    const { endpoint } = connection;
    const times = { timeoutMs: TIMEOUT_MS, requestTimeoutMs: TIMEOUT_MS };
    const stub = StubSession.over(await GdbClient.connect(connection, times), { endpoint, ...times });
    await stub.enter();
    const source = new RehearsedSource(
      {
        link: scriptedLink(),
        cpus: SCRIPTED_CPUS,
        processor: SCRIPTED_PROCESSOR,
        useHostMemory: false,
        allowsWrites: false,
        memory: { maps: new MemoryMapMemo(), places: new HostPlaces() },
        kernels: new KernelMemo(),
      },
      stub,
      hostMemory,
    );
    using view = new GuestView(source);
    await ask(view);
    await stub.leaveAndRun();
  } catch {
    // The guest itself says what is wrong.
  } finally {
    await connection.close();
  }
}

/** What reads many pages of a guest looks for them on this host first: a guest that is a script has none there. */
class RehearsedSource extends PausedSource {
  readonly #hostMemory: boolean;

  constructor(qemu: QemuParts, stub: StubSession, hostMemory: boolean) {
    super(qemu, stub);
    this.#hostMemory = hostMemory;
  }

  override async openMemory(vcpu: SourceVcpu): Promise<SourceMemory> {
    if (this.#hostMemory) await rehearseHostMemory();
    return super.openMemory(vcpu);
  }
}
