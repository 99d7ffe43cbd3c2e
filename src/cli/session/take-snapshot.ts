import type { Assumption, GuestView, LinearRange, TableSnapshot } from '../../guest/index.ts';
import type { Linux } from '../../linux/index.ts';
import type { AreaMap } from '../../linux/internal.ts';
import { Progress } from '../io/progress.ts';
import type { CliContext } from '../options/command.ts';
import type { GuestOptions } from '../options/guest-options.ts';
import type { AddressRange } from '../options/parse-range.ts';
import { type ScopeOptions, toTranslateScope } from '../options/scope-options.ts';
import type { WrittenAddress } from '../options/written-address.ts';
import { isNamedRange, type WrittenRange } from '../options/written-range.ts';
import { type LookTimes, lookTimes } from '../picture/look-times.ts';
import { nameScope, rehearseScope } from './names/name-scope.ts';
import { resolvePhysical, resolveRange } from './names/resolve-addresses.ts';
import { withView } from './with-guest.ts';

/** Tables of a guest that runs on, and what is to be said of them. @internal */
export interface TakenSnapshot {
  readonly snapshot: TableSnapshot;
  /** What everything rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
  /** The scope, with the address space of the process that it names. */
  readonly scope: ScopeOptions;
  /** The part of the address space that was asked for; empty for everything. */
  readonly range: Partial<LinearRange>;
  /** The physical addresses that are looked for; null where none are. */
  readonly physical: AddressRange | null;
  /** What Linux keeps where; null where names are not shown. */
  readonly areas: AreaMap | null;
  /** Null where nothing needed it. */
  readonly linux: Linux | null;
  readonly times: LookTimes;
  /** Where the guest was reached. */
  readonly endpoint: string;
}

/** What is asked of whom. @internal */
export interface SnapshotQuestion {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  /** Null for everything. */
  readonly range: WrittenRange | null;
  /** Physical addresses that are looked for, as they were written. */
  readonly physical?: AddressRange | WrittenAddress;
  readonly command: string;
  /** Names are shown. */
  readonly names?: boolean;
  /** Walks are to be made of the snapshot. */
  readonly forWalks?: boolean;
}

function isNamed(physical: AddressRange | WrittenAddress | undefined): boolean {
  return physical !== undefined && 'kind' in physical && physical.kind === 'symbol';
}

/**
 * Reads the tables of an address space in one pause. A bar shows how far that is if it takes long.
 *
 * @throws as withView.
 * @internal
 */
export async function takeSnapshot(question: SnapshotQuestion, context: CliContext): Promise<TakenSnapshot> {
  const { guest, scope: options, range, physical, command, names = false, forWalks = false } = question;
  // What is wrong with the question is found before anything is connected.
  await toTranslateScope(options, guest.cpu, command);
  const progress = new Progress(context, 'reading page tables');
  const needs = {
    guest,
    scope: options,
    command,
    half: 'kernel' as const,
    needsLinux: isNamedRange(range) || isNamed(physical),
    showsNames: names,
  };
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    await rehearseScope(view, needs, context);
    return view.snapshot({ ...(range?.kind === 'numbers' ? { first: range.first, last: range.last } : {}), forWalks });
  };
  const how = { ...options, rehearsal };
  try {
    const {
      guest: left,
      takenAtMs,
      ...taken
    } = await withView(guest, how, context, async (view, attached) => {
      const takenAtMs = Date.now();
      const named = await nameScope(view, attached, needs, context);
      const scope = await toTranslateScope(named.scope, guest.cpu, command);
      const part = await resolveRange(range, named, guest.cpu, command);
      const wanted = physical === undefined ? null : await resolvePhysical(physical, named, scope, command);
      const snapshot = await named.view.snapshot({ ...scope, ...part, forWalks, onProgress: progress.report });
      const { endpoint } = attached;
      const assumed = [...snapshot.assumed, ...attached.assumed];
      return { ...named, range: part, physical: wanted, snapshot, assumed, endpoint, takenAtMs, guest: attached };
    });
    // How long the pause was is known when the guest was left.
    return { ...taken, times: lookTimes(left, options.live, takenAtMs, 0) };
  } finally {
    progress.end();
  }
}
