import { parseFlatViews } from '../../protocols/qmp/index.ts';
import {
  type BitFlags,
  type PagingContext,
  planBits,
  startWalk,
  type Translation,
  toTranslation,
  Walk,
} from '../paging/index.ts';
import { describeAssumptions } from './assumptions.ts';
import { describeDeviation } from './deviation.ts';
import { GuestCpuError } from './errors.ts';
import type { GuestTranslation, TranslateRequest, TranslateScope } from './guest-translation.ts';
import { readHiddenRegisters } from './hidden-registers.ts';
import type { Link } from './link.ts';
import { type MemoryMap, selectMemoryMap } from './memory-map.ts';
import type { MonitorCpu } from './monitor.ts';
import { applyOverrides } from './overrides.ts';
import type { Processor } from './processor.ts';
import { retranslate } from './retranslate.ts';
import { runWalks } from './run-walks.ts';
import { stubMemory } from './stub-memory.ts';
import type { StubSession } from './stub-session.ts';
import {
  assembleVcpuState,
  contextOf,
  hiddenRegistersInUse,
  machineProfile,
  type VcpuState,
  withCr3,
} from './vcpu-state.ts';
import { type BitsOutcome, type WritableMemory, writeBits } from './write-bits.ts';

const NO_FLAGS: BitFlags = { setAccessed: false, setDirty: false, forceSetAccessed: false };
/** An entry that changes between walk and write-back is walked again, as KVM does; not for ever, against a guest gone wild. */
const MAX_WALKS = 3;

interface Vcpu {
  readonly state: VcpuState;
  readonly map: MemoryMap;
}

interface Question {
  readonly request: Required<TranslateRequest>;
  translation: Translation;
  outcomes: ReadonlyMap<bigint, BitsOutcome>;
}

/**
 * A guest that stands still. What was read stays true for as long as it does, so registers and the memory map are read once.
 * An instance is good until the guest is resumed.
 *
 * @public
 */
export class PausedGuest {
  readonly #link: Link;
  readonly #stub: StubSession;
  readonly #memory: WritableMemory;
  readonly #cpus: readonly MonitorCpu[];
  readonly #processor: Processor;
  readonly #vcpus = new Map<number, Promise<Vcpu>>();

  /** @internal */
  constructor(link: Link, stub: StubSession, cpus: readonly MonitorCpu[], processor: Processor) {
    this.#link = link;
    this.#stub = stub;
    this.#memory = stubMemory(stub);
    this.#cpus = cpus;
    this.#processor = processor;
  }

  /** Everything of a vCPU that a translation depends on. @throws GuestCpuError `ERR_GUEST_CPU`. */
  async vcpuState(cpu = 0): Promise<VcpuState> {
    return (await this.#vcpu(cpu)).state;
  }

  /** What lies at each guest physical address, as a vCPU sees it. @throws GuestCpuError `ERR_GUEST_CPU`. */
  async memoryMap(cpu = 0): Promise<MemoryMap> {
    return (await this.#vcpu(cpu)).map;
  }

  /**
   * Translates, and sets the bits that the requests ask for. All walks advance together; all see the tables as they were
   * before the first bit was set.
   *
   * @returns one answer for each request, in order
   * @throws GuestCpuError `ERR_GUEST_CPU`; GuestRunStateError `ERR_GUEST_RESUMED` when somebody else resumed the guest in the
   * middle; the errors of the GDB client.
   */
  async translate(requests: readonly TranslateRequest[], scope: TranslateScope = {}): Promise<GuestTranslation[]> {
    const cpu = scope.cpu ?? 0;
    const { state: own, map } = await this.#vcpu(cpu);
    const base = scope.cr3 === undefined ? own : withCr3(own, scope.cr3);
    const state = applyOverrides(base, scope.overrides ?? [], scope.profile);
    const questions = await this.#answer(
      requests.map((request) => ({ flags: NO_FLAGS, ...request })),
      state,
      map,
    );
    const onMachine = await this.#answerAsMachine(questions, state, map);
    this.#link.checkStillPaused();
    return questions.map((question, at) => this.#report(question, onMachine[at] ?? question.translation, state, map));
  }

  async #answer(
    requests: readonly Required<TranslateRequest>[],
    state: VcpuState,
    map: MemoryMap,
  ): Promise<readonly Question[]> {
    const answered: Question[] = [];
    let open = requests.map((request, at) => ({ request, at }));
    for (let round = 1; open.length > 0; round += 1) {
      const translations = await this.#walk(
        open.map(({ request }) => request),
        state,
        map,
      );
      const plans = open.map(({ request }, at) => {
        const translation = translations[at];
        return translation ? planBits(translation, request.flags) : [];
      });
      const outcomes = await writeBits(plans.flat(), this.#memory, map);
      const retry: typeof open = [];
      open.forEach((item, at) => {
        const translation = translations[at];
        if (!translation) return;
        const changed = plans[at]?.some(({ address }) => outcomes.get(address) === 'changed') ?? false;
        if (changed && round < MAX_WALKS) retry.push(item);
        else answered[item.at] = { request: item.request, translation, outcomes };
      });
      open = retry;
    }
    return answered;
  }

  async #walk(
    requests: readonly Required<TranslateRequest>[],
    state: VcpuState,
    map: MemoryMap,
  ): Promise<readonly Translation[]> {
    return this.#walkIn(contextOf(state), requests, map);
  }

  async #walkIn(
    context: PagingContext,
    requests: readonly Pick<TranslateRequest, 'linearAddress' | 'access'>[],
    map: MemoryMap,
  ): Promise<readonly Translation[]> {
    const walks = requests.map(({ linearAddress, access }) => {
      const walk = new Walk(context);
      startWalk(walk, linearAddress, access);
      return walk;
    });
    await runWalks(walks, this.#memory, map);
    return walks.map(toTranslation);
  }

  /** What the machine that runs the guest makes of the questions; memory is read only where it goes on further than we did. */
  async #answerAsMachine(
    questions: readonly Question[],
    state: VcpuState,
    map: MemoryMap,
  ): Promise<readonly Translation[]> {
    const context = contextOf(state, machineProfile(state));
    const answers = questions.map(({ translation }) => retranslate(context, translation));
    const open = answers.flatMap((answer, at) => (answer === undefined ? [at] : []));
    const walked = await this.#walkIn(
      context,
      open.flatMap((at) => questions[at]?.translation ?? []),
      map,
    );
    open.forEach((at, position) => {
      answers[at] = walked[position];
    });
    return answers.map((answer, at) => answer ?? (questions[at] as Question).translation);
  }

  #report(
    { request, translation, outcomes }: Question,
    onMachine: Translation,
    state: VcpuState,
    map: MemoryMap,
  ): GuestTranslation {
    const planned = planBits(translation, request.flags);
    const context = contextOf(state);
    const wrote = planned.filter(({ address }) => outcomes.get(address) === 'written');
    return {
      request,
      cpu: state.cpu,
      mode: context.mode,
      profile: context.profile.name,
      translation,
      wrote,
      bitsAreSet: wrote.length === planned.length,
      region: translation.kind === 'mapped' ? map.regionAt(translation.physicalAddress) : null,
      deviation: describeDeviation(state, translation, onMachine),
      assumed: describeAssumptions(state, translation),
    };
  }

  #vcpu(cpu: number): Promise<Vcpu> {
    const known = this.#vcpus.get(cpu);
    if (known) return known;
    const reading = this.#readVcpu(cpu);
    this.#vcpus.set(cpu, reading);
    return reading;
  }

  async #readVcpu(cpu: number): Promise<Vcpu> {
    checkCpu(cpu, this.#cpus);
    const { monitor } = this.#link;
    const [registers, shown, mtree] = await Promise.all([
      this.#stub.client.readRegisters(cpu),
      monitor.registers(cpu),
      monitor.hmp('info mtree -f'),
    ]);
    const inUse = hiddenRegistersInUse(registers, this.#processor);
    const hidden = await readHiddenRegisters(monitor, cpu, inUse, this.#cpus[0]?.threadId);
    return {
      state: assembleVcpuState(shown, registers, this.#processor, hidden),
      map: selectMemoryMap(parseFlatViews(mtree), cpu, shown.smm),
    };
  }
}

/** @throws GuestCpuError `ERR_GUEST_CPU`. @internal */
export function checkCpu(cpu: number, cpus: readonly MonitorCpu[]): void {
  if (!cpus.some(({ index }) => index === cpu)) throw new GuestCpuError(cpu, cpus.length);
}
