import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestView, OpenGuest, VcpuState } from '../../guest/index.ts';
import { MomentError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';
import type { Until } from '../options/moment/until.ts';
import { lookAtLinux } from './names/look-at-linux.ts';
import { asUsage } from './names/resolve-addresses.ts';

/** Between two pauses the guest runs so long, and up to twice as long: never in step with a timer of its own. */
const LEAST_RUN_MS = 3;
const USER_CPL = 3;

/** Whether the vCPU is where it is wanted; else why that cannot be known of it. */
type Verdict = boolean | { readonly unknown: string };

type Judge = (state: VcpuState) => Verdict;

type WaitingContext = Pick<CliContext, 'environment' | 'complain' | 'signal'>;

/**
 * A guest whose every look is one at a moment at which its vCPU is where it is wanted: it is paused, looked at and resumed until
 * that is so. Each look throws MomentError `ERR_CLI_MOMENT` where the time is over, the guest does not run, or it is hidden where
 * the vCPU is; and as `lookAtLinux` for a process.
 *
 * @internal
 */
export function waitingGuest(guest: OpenGuest, until: Until, cpu: number, context: WaitingContext): OpenGuest {
  const wait = new Wait(guest, until, cpu, context);
  return {
    endpoint: guest.endpoint,
    vcpus: guest.vcpus,
    get assumed() {
      return guest.assumed;
    },
    running: guest.running,
    look: () => wait.look(),
    requireCpu: (each) => guest.requireCpu(each),
    detach: () => guest.detach(),
  };
}

class Wait {
  readonly #guest: OpenGuest;
  readonly #until: Until;
  readonly #cpu: number;
  readonly #context: WaitingContext;
  /** Made in the first pause: what it needs of the guest's Linux stays true in later ones. */
  #judge: Judge | undefined;
  /** A question that needs names which are not known yet looks twice. */
  #isTold = false;

  constructor(guest: OpenGuest, until: Until, cpu: number, context: WaitingContext) {
    this.#guest = guest;
    this.#until = until;
    this.#cpu = cpu;
    this.#context = context;
  }

  async look(): Promise<GuestView> {
    const { withinMs } = this.#until;
    const end = Date.now() + withinMs;
    for (let pauses = 1; ; pauses += 1) {
      const view = await this.#view();
      const verdict = this.#judge?.(await view.vcpuState(this.#cpu)) ?? false;
      if (verdict === true) {
        this.#tell(pauses);
        return view;
      }
      if (verdict !== false) throw this.#missed(pauses, `it cannot be told of vCPU ${this.#cpu}: ${verdict.unknown}`);
      const { running } = this.#guest;
      if (running === undefined || running.ranBefore === false) {
        throw this.#missed(pauses, `vCPU ${this.#cpu} is somewhere else, and stays there: the guest does not run`);
      }
      await running.resume();
      if (Date.now() >= end) {
        const tried = `${pauses} pauses within ${withinMs} ms`;
        throw this.#missed(pauses, `never true of vCPU ${this.#cpu} in ${tried}; --within MS waits longer`);
      }
      await sleep(LEAST_RUN_MS * (1 + Math.random()), undefined, { signal: this.#context.signal });
    }
  }

  /** Pauses the guest. The first time what is waited for is made ready, for which it may have to run in between. */
  async #view(): Promise<GuestView> {
    const view = await this.#guest.look();
    if (this.#judge !== undefined) return view;
    const begun = await judgeOf(view, this.#guest, this.#until, this.#cpu, this.#context);
    this.#judge = begun.judge;
    return begun.view;
  }

  #missed(pauses: number, problem: string): MomentError {
    return new MomentError(this.#until.text, pauses, problem);
  }

  #tell(pauses: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#context.complain(`pagewalk: --until ${this.#until.text}: true of vCPU ${this.#cpu} in pause ${pauses}`);
  }
}

/** What is looked at in each pause. The roots of a process are found in the first. */
async function judgeOf(
  view: GuestView,
  guest: OpenGuest,
  { condition, command }: Until,
  cpu: number,
  context: Pick<CliContext, 'environment'>,
): Promise<{ readonly view: GuestView; readonly judge: Judge }> {
  const { contextOf } = await import('../../guest/index.ts');
  /** By the vCPU's mode, which decides what of CR3 is an address; null where paging is off. */
  const rootOf = (state: VcpuState): bigint | null => {
    const { mode, root } = contextOf(state);
    return mode === 'off' ? null : root;
  };
  switch (condition.kind) {
    case 'user':
      return { view, judge: ({ cpl }) => cpl.value === USER_CPL };
    case 'kernel':
      return { view, judge: ({ cpl }) => cpl.value !== USER_CPL };
    case 'nested':
      return { view, judge: await nestedJudge() };
    case 'cr3': {
      const { cr3: value } = condition;
      return {
        view,
        judge: (state) => {
          const root = rootOf(state);
          if (root === null) return state.cr3.value === value;
          return root === rootOf({ ...state, cr3: { ...state.cr3, value } });
        },
      };
    }
    case 'process': {
      const looked = await lookAtLinux(view, guest, { cpu, live: false }, context);
      const { task, root } = await asUsage(command, () => looked.linux.rootOf(condition.process, 'kernel'));
      const roots = [root, task.userCr3];
      return {
        view: looked.view,
        judge: (state) => {
          const own = rootOf(state);
          return own !== null && roots.includes(own);
        },
      };
    }
  }
}

async function nestedJudge(): Promise<Judge> {
  const { formatCause } = await import('../../report/index.ts');
  return ({ nested }) => {
    if (nested.from !== 'assumed') return nested.value !== null;
    // Of a nested guest under KVM its tables are hidden, and nothing but that it runs is known.
    return nested.cause.code === 'kvm-hides-nested-tables' || { unknown: formatCause(nested.cause) };
  };
}
