import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestView, OpenGuest, VcpuState } from '../../guest/index.ts';
import { MomentError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';
import type { Until } from '../options/moment/until.ts';
import { lookAtLinux } from './names/look-at-linux.ts';
import { asUsage } from './names/resolve-addresses.ts';

/** Between two pauses the guest runs so long, and up to twice as long: never in step with a timer of its own. */
const LEAST_RUN_MS = 3;
/** Bits of CR3 that are an address: no process-context identifier, no LAM. */
const ROOT_BITS = 0x000f_ffff_ffff_f000n;
const USER_CPL = 3;

type Holds = (state: VcpuState) => boolean;

/**
 * Pauses a guest at a moment at which its vCPU is where it is wanted: it is paused, looked at and resumed until that is so.
 *
 * @returns the view of that pause
 * @throws MomentError `ERR_CLI_MOMENT` where the time is over, or the guest does not run; as `lookAtLinux` for a process.
 * @internal
 */
export async function lookUntil(
  guest: OpenGuest,
  until: Until,
  cpu: number,
  context: Pick<CliContext, 'environment' | 'complain' | 'signal'>,
): Promise<GuestView> {
  const end = Date.now() + until.withinMs;
  let holds: Holds | undefined;
  for (let pauses = 1; ; pauses += 1) {
    let view = await guest.look();
    if (holds === undefined) {
      const begun = await conditionOf(view, guest, until, cpu, context);
      holds = begun.holds;
      view = begun.view;
    }
    const state = await view.vcpuState(cpu);
    if (holds(state)) {
      context.complain(`pagewalk: --until ${until.text}: true of vCPU ${cpu} in pause ${pauses}`);
      return view;
    }
    const { running } = guest;
    if (running === undefined || running.ranBefore === false)
      throw new MomentError(
        until.text,
        pauses,
        `vCPU ${cpu} is somewhere else, and stays there: the guest does not run`,
      );
    await running.resume();
    if (Date.now() >= end) {
      throw new MomentError(
        until.text,
        pauses,
        `never true of vCPU ${cpu} in ${pauses} pauses within ${until.withinMs} ms; --within MS waits longer`,
      );
    }
    await sleep(LEAST_RUN_MS * (1 + Math.random()), undefined, { signal: context.signal });
  }
}

/** A guest whose every look is one at such a moment. @internal */
export function waitingGuest(
  guest: OpenGuest,
  until: Until,
  cpu: number,
  context: Pick<CliContext, 'environment' | 'complain' | 'signal'>,
): OpenGuest {
  return {
    endpoint: guest.endpoint,
    vcpus: guest.vcpus,
    get assumed() {
      return guest.assumed;
    },
    running: guest.running,
    look: () => lookUntil(guest, until, cpu, context),
    requireCpu: (each) => guest.requireCpu(each),
    detach: () => guest.detach(),
  };
}

/** What is looked at in each pause. The roots of a process are found in the first. */
async function conditionOf(
  view: GuestView,
  guest: OpenGuest,
  { condition, command }: Until,
  cpu: number,
  context: Pick<CliContext, 'environment'>,
): Promise<{ readonly view: GuestView; readonly holds: Holds }> {
  switch (condition.kind) {
    case 'user':
      return { view, holds: ({ cpl }) => cpl.value === USER_CPL };
    case 'kernel':
      return { view, holds: ({ cpl }) => cpl.value !== USER_CPL };
    case 'nested':
      return { view, holds: ({ nested }) => nested.value !== null };
    case 'cr3':
      return { view, holds: ({ cr3 }) => (cr3.value & ROOT_BITS) === (condition.cr3 & ROOT_BITS) };
    case 'process': {
      const looked = await lookAtLinux(view, guest, { cpu, live: false }, context);
      const { task, root } = await asUsage(command, () => looked.linux.rootOf(condition.process, 'kernel'));
      const roots = [root, task.userCr3].map((each) => each && each & ROOT_BITS);
      return { view: looked.view, holds: ({ cr3 }) => roots.includes(cr3.value & ROOT_BITS) };
    }
  }
}
