import type { GuestView, OpenGuest, VcpuState } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import { CR0_PG } from '../../../paging/index.ts';
import type { ReportedVcpu } from '../../../report/index.ts';
import type { CliContext } from '../../options/command.ts';
import { lookAtLinux } from '../../session/names/look-at-linux.ts';
import { reportedOwner } from '../../session/names/reported-owner.ts';

/** CR0.PE: off in real mode (SDM vol. 3A, 2.5). */
const CR0_PE = 1n;

/**
 * All vCPUs of a guest, as they are in one pause.
 *
 * @param names - also say whose CR3 each has, and where its code is
 * @throws LinuxDataError `ERR_LINUX_DATA` where names are asked for and there is no Linux.
 * @internal
 */
export async function listVcpus(
  view: GuestView,
  guest: OpenGuest,
  names: boolean,
  context: Pick<CliContext, 'environment'>,
): Promise<readonly ReportedVcpu[]> {
  const [cpu = 0] = guest.vcpus;
  const looked = names ? await lookAtLinux(view, guest, { cpu, live: false }, context) : { view, linux: null };
  const { contextOf } = await import('../../../guest/index.ts');
  const { assumedAmong } = await import('../../../report/index.ts');
  const vcpus: ReportedVcpu[] = [];
  for (const each of guest.vcpus) {
    const state = await looked.view.vcpuState(each);
    const { mode, root } = contextOf(state);
    const assumed = [...assumedAmong(shown(state)), ...guest.assumed.map((one) => ({ ...one, decides: true }))];
    vcpus.push({ ...describe(state, mode), assumed, ...(await namesOf(state, root, looked.linux)) });
  }
  return vcpus;
}

/** The registers that a row is made of: CR4 and EFER tell the mode. */
function shown({ cr0, cr3, cr4, efer, cs, cpl, position }: VcpuState): object {
  const { rip, csBase } = position ?? {};
  const all = { cr0, cr3, cr4, efer, cs, cpl, rip, csBase };
  return Object.fromEntries(Object.entries(all).filter(([, source]) => source !== undefined));
}

function describe(
  { cpu, cr0, cr3, cs, cpl, position }: VcpuState,
  mode: ReportedVcpu['mode'],
): Omit<ReportedVcpu, 'assumed'> {
  const isReal = (cr0.value & (CR0_PE | CR0_PG)) === 0n;
  return {
    cpu,
    mode,
    cpl: cpl.value,
    cr3: cr3.value,
    rip: position && { offset: position.rip.value, base: position.csBase.value },
    realModeSegment: isReal ? cs.value : undefined,
  };
}

/** Whose address space a vCPU is in, and where its code is. @param root - of its tables @internal */
export async function namesOf(
  { position }: VcpuState,
  root: bigint,
  linux: Linux | null,
): Promise<Pick<ReportedVcpu, 'owner' | 'place'>> {
  if (linux === null) return {};
  return {
    owner: reportedOwner(await linux.ownerOf(root)),
    place: position === undefined ? null : await linux.nearest(position.csBase.value + position.rip.value),
  };
}
