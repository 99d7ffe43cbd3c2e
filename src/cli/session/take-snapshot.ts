import type { Assumption, GuestView, LinearRange, TableSnapshot } from '../../guest/index.ts';
import type { AreaMap } from '../../linux/internal.ts';
import { Progress } from '../io/progress.ts';
import type { CliContext } from '../options/command.ts';
import type { GuestOptions } from '../options/guest-options.ts';
import { type ScopeOptions, toTranslateScope } from '../options/scope-options.ts';
import { nameScope } from './names/name-scope.ts';
import { withView } from './with-guest.ts';

/** Tables of a guest that runs on, and what is to be said of them. @internal */
export interface TakenSnapshot {
  readonly snapshot: TableSnapshot;
  /** What everything rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
  /** The scope, with the address space of the process that it names. */
  readonly scope: ScopeOptions;
  /** What Linux keeps where; null where names are not shown. */
  readonly areas: AreaMap | null;
}

/** What is asked of whom. @internal */
export interface SnapshotQuestion {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly range: Partial<LinearRange>;
  readonly command: string;
  /** Names are shown. */
  readonly names?: boolean;
}

/**
 * Reads the tables of an address space in one pause. A bar shows how far that is if it takes long.
 *
 * @throws as withView.
 * @internal
 */
export async function takeSnapshot(question: SnapshotQuestion, context: CliContext): Promise<TakenSnapshot> {
  const { guest, scope: options, range, command, names = false } = question;
  // What is wrong with the question is found before anything is connected.
  await toTranslateScope(options, guest.cpu, command);
  const progress = new Progress(context, 'reading page tables');
  const needs = { guest, scope: options, command, half: 'kernel' as const, needsLinux: false, showsNames: names };
  const rehearsal = (view: GuestView): Promise<unknown> => view.snapshot(range);
  try {
    return await withView(guest, { ...options, rehearsal }, context, async (view, attached) => {
      const named = await nameScope(view, attached, needs, context);
      const scope = await toTranslateScope(named.scope, guest.cpu, command);
      const snapshot = await named.view.snapshot({ ...scope, ...range, onProgress: progress.report });
      return { ...named, snapshot, assumed: [...snapshot.assumed, ...attached.assumed] };
    });
  } finally {
    progress.end();
  }
}
